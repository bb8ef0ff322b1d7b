using AuthService.Tests.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using ServiceHosting;

namespace AuthService.Tests.Administration;

public sealed class FirstAdministratorTests(Databases databases)
{
    [Fact]
    public async Task Empty_database_has_no_user_and_gets_the_configured_administrator_once()
    {
        var database = await databases.CreateAsync(Databases.Sqlite);
        var file = database["Data Source=".Length..] + ".password";
        await File.WriteAllTextAsync(file, "the first password\n", TestContext.Current.CancellationToken);

        Assert.Empty(await PrepareAsync(database));
        Assert.Equal(["root"], await PrepareAsync(database, "--AuthService:FirstAdministrator:UserName=root", $"--AuthService:FirstAdministrator:PasswordFile={file}"));
        File.Delete(file);
        Assert.Equal(["root"], await PrepareAsync(database, "--AuthService:FirstAdministrator:UserName=other", $"--AuthService:FirstAdministrator:PasswordFile={file}"));
    }

    [Theory]
    [InlineData("short", "UserName")]
    [InlineData("", "PasswordFile")]
    [InlineData(null, "PasswordFile")]
    public async Task Password_that_cannot_be_stops_the_start(string? password, string setting)
    {
        var database = await databases.CreateAsync(Databases.Sqlite);
        var file = database["Data Source=".Length..] + ".password";
        if (password is not null) await File.WriteAllTextAsync(file, password, TestContext.Current.CancellationToken);

        var exception = await Assert.ThrowsAsync<OptionsValidationException>(() =>
            PrepareAsync(database, "--AuthService:FirstAdministrator:UserName=root", $"--AuthService:FirstAdministrator:PasswordFile={file}"));

        Assert.StartsWith($"AuthService:FirstAdministrator:{setting} ", Assert.Single(exception.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Half_a_setting_is_refused_by_its_key()
    {
        var database = await databases.CreateAsync(Databases.Sqlite);
        var exception = await Assert.ThrowsAnyAsync<Exception>(() => PrepareAsync(database, "--AuthService:FirstAdministrator:UserName=root", "--AuthService:FirstAdministrator:Password=secret"));
        Assert.Contains("AuthService:FirstAdministrator:PasswordFile ", exception.Message, StringComparison.Ordinal);
        Assert.Contains("AuthService:FirstAdministrator:Password ", exception.Message, StringComparison.Ordinal);
    }

    private readonly string _key = KeyEncryptionKeyRing.NewKey();

    private async Task<List<string?>> PrepareAsync(string database, params string[] settings)
    {
        await using var app = ServiceHost.Build(
            Program.Service,
            [
                "--environment=Production", $"--ConnectionStrings:Users={database}", $"--AuthService:Issuer={Replica.Issuer}", $"--AuthService:KeyEncryptionKeys:0={_key}",
                "--Redis:ConnectionString=127.0.0.1:1", "--Kestrel:Endpoints:Http:Url=http://127.0.0.1:0", "--Management:Url=http://127.0.0.1:0", "--Serilog:MinimumLevel:Default=Fatal", .. settings,
            ],
            Program.AddServices, Program.UsePipeline);
        await app.Services.GetRequiredService<Preparation>().PrepareAsync(TestContext.Current.CancellationToken);
        await using var context = await app.Services.GetRequiredService<IDbContextFactory<AuthService.Users.UsersDbContext>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
        return await context.Users.Select(user => user.UserName).ToListAsync(TestContext.Current.CancellationToken);
    }
}
