using KeyEncryption;

namespace AuthService.Tests.Users;

public sealed class MigrateCommandTests(Databases databases)
{
    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Migrate_prepares_an_empty_database_and_may_be_repeated(string kind)
    {
        var connectionString = await databases.CreateAsync(kind);
        (string, string) key = ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey());
        string[] arguments = ["--AuthService:Issuer", "https://login.example.com", $"--{key.Item1}", key.Item2, "--ConnectionStrings:Users", connectionString];

        Assert.Equal(0, await MigrateCommand.RunAsync(arguments));
        Assert.Equal(0, await MigrateCommand.RunAsync(arguments));
        await using var replica = await Replica.StartAsync(connectionString, settings: [key]);
        Assert.Null(replica.Preparation.NotReadyReason);
    }

    [Theory]
    [InlineData("Host=127.0.0.1;Port=1;Database=users;Username=nobody", "https://login.example.com")]
    [InlineData("Data Source=/nowhere/there/users.db", "http://login.example.com")]
    public async Task Migrate_ends_with_exit_code_1_when_the_database_is_away_or_a_setting_is_wrong(string connectionString, string issuer) =>
        Assert.Equal(1, await MigrateCommand.RunAsync(["--AuthService:Issuer", issuer, "--AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey(), "--ConnectionStrings:Users", connectionString]));
}
