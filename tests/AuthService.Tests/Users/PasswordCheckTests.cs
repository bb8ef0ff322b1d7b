using AuthService.Users;
using KeyEncryption;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace AuthService.Tests.Users;

public sealed class PasswordCheckTests(Databases databases)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Right_password_gives_the_account(string kind)
    {
        await using var replica = await StartAsync(kind);
        var account = await CheckAsync(replica, "admin", "admin-password-1");
        Assert.Equal(["admin", "user"], account!.Roles);
        Assert.NotNull(await CheckAsync(replica, "ADMIN", "admin-password-1"));
    }

    // Every refusal costs one hash, so that none can be told from another by its time.
    [Theory]
    [InlineData("alice", "wrong")]
    [InlineData("alice", "")]
    [InlineData("alice", "alice-password-1 ")]
    [InlineData("alice", "<half>")]
    [InlineData("nobody", "alice-password-1")]
    [InlineData("bob", "bob-password-1")] // disabled
    [InlineData("bob", "wrong")]
    [InlineData("", "x")]
    [InlineData("alice\0", "alice-password-1")]
    [InlineData("ali<half>ce", "alice-password-1")]
    [InlineData("' OR 1=1 --", "x")]
    public async Task Refusal_runs_exactly_one_hash(string userName, string password)
    {
        foreach (var kind in new[] { Databases.Sqlite, Databases.PostgreSql })
        {
            await using var replica = await StartAsync(kind);
            await using (var database = replica.Open())
                await database.Users.Where(user => user.UserName == "bob").ExecuteUpdateAsync(set => set.SetProperty(user => user.Disabled, true), Cancellation);
            var (hashes, verifications) = (replica.Hasher.Hashes, replica.Hasher.Verifications);

            Assert.Null(await CheckAsync(replica, userName, password));
            Assert.Equal(hashes, replica.Hasher.Hashes);
            Assert.Equal(verifications + 1, replica.Hasher.Verifications);
        }
    }

    [Fact]
    public async Task Unknown_user_is_checked_against_a_hash_of_the_configured_cost()
    {
        await using var replica = await StartAsync(Databases.Sqlite);
        var options = replica.Get<IOptions<PasswordHasherOptions>>().Value;
        Assert.True(options.IterationCount >= 210_000);
        Assert.Equal(PasswordHasherCompatibilityMode.IdentityV3, options.CompatibilityMode);
        // Format 0x01 of Identity: PRF (2: HMAC-SHA512) and iteration count, big-endian.
        var hash = Convert.FromBase64String(new PasswordHasher<User>(Options.Create(options)).HashPassword(new User(), "x"));
        Assert.Equal(2u, System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(hash.AsSpan(1)));
        Assert.Equal((uint)options.IterationCount, System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(hash.AsSpan(5)));
    }

    [Theory]
    [InlineData("jürgen", " with blanks ")]
    [InlineData("Ольга.2", "пароль пароль")]
    [InlineData("a+b_c@example.com", "\ttabs\t and 🔑🔑")]
    [InlineData("李雷", "12345678 ")]
    public async Task Registered_user_signs_in_with_the_very_password(string userName, string password)
    {
        await using var replica = await StartAsync(Databases.Sqlite);
        var id = await RegisterAsync(replica, userName, password);
        Assert.Equal(id, (await CheckAsync(replica, userName, password))!.Id);
        Assert.Null(await CheckAsync(replica, userName, password.Trim() + "x"));
        if (password.Trim() != password) Assert.Null(await CheckAsync(replica, userName, password.Trim()));
    }

    [Fact]
    public async Task Disabled_client_or_one_that_does_not_exist_signs_nobody_in()
    {
        await using var replica = await StartAsync(Databases.Sqlite);
        var signIn = replica.Get<PasswordCheck>();
        Assert.Null((await signIn.CheckAsync("alice", "alice-password-1", "no-such-client", Cancellation)).Account);
        await using (var database = replica.Open())
            await database.Clients.Where(client => client.ClientId == Client.Api).ExecuteUpdateAsync(set => set.SetProperty(client => client.Disabled, true), Cancellation);
        Assert.Null(await CheckAsync(replica, "alice", "alice-password-1"));
    }

    [Fact]
    public async Task Hash_of_fewer_iterations_is_replaced_at_sign_in()
    {
        await using var replica = await StartAsync(Databases.Sqlite);
        var before = await HashAsync(replica, "alice");
        replica.Hasher.Inner = new PasswordHasher<User>(Options.Create(new PasswordHasherOptions { IterationCount = 20 }));
        Assert.NotNull(await CheckAsync(replica, "alice", "alice-password-1"));
        Assert.NotEqual(before, await HashAsync(replica, "alice"));
        Assert.NotNull(await CheckAsync(replica, "alice", "alice-password-1"));
    }

    [Theory]
    [InlineData("has space", "long-enough")]
    [InlineData("", "long-enough")]
    [InlineData("a/b", "long-enough")]
    [InlineData("e\u0301t\u0301", "long-enough")] // combining marks
    [InlineData("tab\t", "long-enough")]
    [InlineData("nul\0", "long-enough")]
    [InlineData("half<half>", "long-enough")]
    [InlineData("new-user", "short")]
    [InlineData("new-user", "aaaaaaaaaa")]
    [InlineData("new-user", "half<half>half")]
    [InlineData("new-user-1", "NEW-USER-1")]
    [InlineData("ALICE", "long-enough")]
    public async Task Unacceptable_name_or_password_is_refused_with_reasons(string userName, string password)
    {
        await using var replica = await StartAsync(Databases.Sqlite);
        await using var scope = replica.Get<IServiceScopeFactory>().CreateAsyncScope();
        var result = await scope.ServiceProvider.GetRequiredService<UserManager<User>>().CreateAsync(new User { Id = Guid.NewGuid(), UserName = Broken(userName) }, Broken(password));
        Assert.False(result.Succeeded);
        Assert.NotEmpty(result.Errors);
    }

    private static async Task<Guid> RegisterAsync(Replica replica, string userName, string password)
    {
        await using var scope = replica.Get<IServiceScopeFactory>().CreateAsyncScope();
        var user = new User { Id = Guid.NewGuid(), UserName = userName };
        var result = await scope.ServiceProvider.GetRequiredService<UserManager<User>>().CreateAsync(user, password);
        Assert.True(result.Succeeded, string.Join(", ", result.Errors.Select(error => error.Description)));
        return user.Id;
    }

    private static async Task<string?> HashAsync(Replica replica, string userName)
    {
        await using var database = replica.Open();
        return await database.Users.Where(user => user.UserName == userName).Select(user => user.PasswordHash).SingleAsync(Cancellation);
    }

    private static async Task<AccountState?> CheckAsync(Replica replica, string userName, string password) =>
        (await replica.Get<PasswordCheck>().CheckAsync(Broken(userName), Broken(password), Client.Api, Cancellation)).Account;

    /// <summary>Half a surrogate pair, which test data cannot hold.</summary>
    private static string Broken(string text) => text.Replace("<half>", "\ud800", StringComparison.Ordinal);

    private async Task<Replica> StartAsync(string kind) =>
        await Replica.StartAsync(await databases.CreateAsync(kind), settings: ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey()));
}
