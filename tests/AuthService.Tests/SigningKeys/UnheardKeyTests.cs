using System.Buffers.Text;
using System.Text.Json;
using AuthService.SigningKeys;
using AuthService.Tests.Users;
using AuthService.Tokens;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Testing;

namespace AuthService.Tests.SigningKeys;

/// <summary>A replica that has not heard of a key: two on one database, each with a Redis of its own, so that no news arrives.</summary>
public sealed class UnheardKeyTests(Databases databases)
{
    private const string Key = "--AuthService:KeyEncryptionKeys:0=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    private const string NextKey = "--AuthService:KeyEncryptionKeys:0=ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Databases.Sqlite)]
    [InlineData(Databases.PostgreSql)]
    public async Task Token_of_a_new_key_is_looked_up_and_not_refused(string kind)
    {
        var database = await databases.CreateAsync(kind);
        await using var one = await RunningService.StartAsync(database, Key);
        await using var other = await RunningService.StartAsync(database, Key);
        var active = await WithdrawAsync(one);
        var alice = await one.SignInAsync("alice", "alice-password-1");
        Assert.Equal(active, KeyOf(alice.Access));

        Assert.Equal(200, (await DecidedAsync(() => other.SendAsync(HttpMethod.Get, "/api/users/me", bearer: alice.Access))).Status);
        Assert.False(await other.Services.GetRequiredService<SigningKeyStore>().FindAsync("nobody's", Cancellation));
    }

    [Theory]
    [InlineData(Databases.Sqlite)]
    [InlineData(Databases.PostgreSql)]
    public async Task Withdrawn_key_signs_nothing_any_more(string kind)
    {
        var database = await databases.CreateAsync(kind);
        await using var one = await RunningService.StartAsync(database, Key);
        await using var other = await RunningService.StartAsync(database, Key);
        var session = await other.SignInAsync("alice", "alice-password-1");
        var active = await WithdrawAsync(one);
        Assert.NotEqual(active, KeyOf(session.Access));

        var refreshed = await DecidedAsync(() => other.SendAsync(HttpMethod.Post, "/api/token/refresh/", new { refresh = session.Refresh }));
        Assert.Equal(active, KeyOf(refreshed.Body.GetProperty("access").GetString()!));
        using var granted = await other.Http.PostAsync("/connect/token", OrdersService(), Cancellation);
        using var service = JsonDocument.Parse(await granted.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal(active, KeyOf(service.RootElement.GetProperty("access_token").GetString()!));
    }

    [Fact]
    public async Task Key_that_does_not_open_is_unavailable()
    {
        var database = await databases.CreateAsync(Databases.Sqlite);
        await using var other = await RunningService.StartAsync(database, Key);
        await using var one = await RunningService.StartAsync(database, NextKey, Key.Replace(":0=", ":1=", StringComparison.Ordinal));
        var session = await other.SignInAsync("alice", "alice-password-1");
        await WithdrawAsync(one);
        var bob = await one.SignInAsync("bob", "bob-password-1");

        Assert.Equal(503, await other.RefreshAsync(session.Refresh));
        Assert.Equal(503, (await other.SendAsync(HttpMethod.Get, "/api/users/me", bearer: bob.Access)).Status);
    }

    [Theory]
    [InlineData(Databases.Sqlite)]
    [InlineData(Databases.PostgreSql)]
    public async Task Database_without_an_active_key_is_unavailable(string kind)
    {
        await using var service = await RunningService.StartAsync(await databases.CreateAsync(kind), Key);
        var session = await service.SignInAsync("alice", "alice-password-1");
        await using (var database = await service.Services.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContextAsync(Cancellation))
            await database.SigningKeys.ExecuteDeleteAsync(Cancellation);

        Assert.Equal(503, await service.RefreshAsync(session.Refresh));
        using var answer = await service.Http.PostAsync("/connect/token", OrdersService(), Cancellation);
        Assert.Equal(503, (int)answer.StatusCode);
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("a.b", null)]
    [InlineData("e30.e30.e30", null)]
    [InlineData("W10.e30.e30", null)]
    [InlineData("eyJraWQiOjF9.e30.e30", null)]
    [InlineData("eyJraWQiOiJcdWQ4MDAifQ.e30.e30", null)]
    [InlineData("eyJraWQiOiJhIn0.e30.e30", "a")]
    public void Key_that_a_token_names_is_read_whatever_it_is(string token, string? kid) => Assert.Equal(kid, AccessTokenVerifier.KeyIdOf(token));

    /// <summary>The Redis of the other replica does not hold the revocation of the key until that replica has written it there; so
    /// long it asks to be asked again.</summary>
    private static async Task<(int Status, JsonElement Body)> DecidedAsync(Func<Task<(int Status, JsonElement Body)>> ask)
    {
        (int Status, JsonElement Body) answer = default;
        await Eventually.TrueAsync(async () => (answer = await ask()).Status != 503, "it is decided", Cancellation);
        return answer;
    }

    /// <summary>Takes the key that signs out of use; returns the next.</summary>
    private static async Task<string> WithdrawAsync(RunningService service)
    {
        var admin = await service.SignInAsync("admin", "admin-password-1");
        var (status, answer) = await service.SendAsync(HttpMethod.Post, $"/api/admin/keys/{KeyOf(admin.Access)}/withdraw", bearer: admin.Access);
        Assert.Equal(200, status);
        return answer.GetProperty("active").GetString()!;
    }

    private static FormUrlEncodedContent OrdersService() =>
        new([new("grant_type", "client_credentials"), new("client_id", "orders-service"), new("client_secret", "orders-secret-1")]);

    private static string KeyOf(string token)
    {
        using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[0]));
        return header.RootElement.GetProperty("kid").GetString()!;
    }
}
