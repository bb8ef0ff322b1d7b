using System.Buffers.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>The auth-service dies, between a change and its publication, say; and a revocation on its way to the gateways.</summary>
[Collection(FaultStackCollection.Name)]
public sealed class AuthServiceTests(FaultStack system)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Auth_service_killed_between_the_change_and_its_publication_publishes_it_when_it_is_back()
    {
        var stack = await system.WholeAsync();
        await using var run = await FaultRun.BeginAsync(stack, "auth-service down", new Excuses { AuthServiceGone = true });
        var (session, user) = (await stack.SignInAsync("bob", cancellationToken: Cancellation), await stack.SignInAsync("admin", cancellationToken: Cancellation));
        using var claims = Claims(session.Access);
        var (issuer, sid) = (claims.RootElement.GetProperty("iss").GetString(), claims.RootElement.GetProperty("sid").GetString()!);

        stack.AuthService.Kill();
        await stack.AuthService.ExitedAsync(Cancellation);
        Assert.InRange((await stack.Client.RefreshAsync(run.Alive.Refresh)).Status, 502, 504);
        await run.ServesAsync("without the auth-service");
        // What the script that ends a session leaves behind, when its process dies then.
        var expires = TimeProvider.System.GetUtcNow().AddMinutes(10).ToUnixTimeMilliseconds();
        await stack.Redis.RunCliAsync("xadd", $"gw:outbox:{{{sid[..2]}}}", "*", "data", JsonSerializer.Serialize(
            new { eid = Guid.NewGuid(), revocation = new { iss = issuer, kind = "sid", id = sid, exp = expires } }));
        // And what a committed change of a user leaves behind.
        await CommitAsync(stack.Database, issuer!, user.Access, expires);
        await Checks.ServesAsync(stack, session.Access);
        await Checks.ServesAsync(stack, user.Access);

        await stack.AuthService.StartAsync(Cancellation);
        await Eventually.TrueAsync(async () => await Checks.PassingAsync(stack, session.Access) == 0, "the session is revoked", Cancellation);
        await Eventually.TrueAsync(async () => await Checks.PassingAsync(stack, user.Access) == 0, "the user is revoked", Cancellation);
        await Eventually.TrueAsync(async () => await stack.Redis.RunCliAsync("xlen", $"gw:outbox:{{{sid[..2]}}}") == "0", "the database has it", Cancellation);
        await run.EndAsync();
    }

    [Fact]
    public async Task Subscriptions_cut_lose_no_revocation()
    {
        var stack = await system.WholeAsync();
        await using var run = await FaultRun.BeginAsync(stack, "Subscriptions cut");
        for (var round = 0; round < 4; round++)
        {
            var tokens = await stack.SignInAsync("bob", cancellationToken: Cancellation);
            Assert.NotEqual("0", await stack.Redis.RunCliAsync("client", "kill", "type", "pubsub"));
            await Checks.LogOutAsync(stack, tokens);
        }

        await run.EndAsync();
    }

    private static async Task CommitAsync(string database, string issuer, string access, long expires)
    {
        await using var connection = new SqliteConnection(database);
        await connection.OpenAsync(Cancellation);
        await using var command = connection.CreateCommand();
        command.CommandText = """
            INSERT INTO revocations (entry_id, issuer, kind, id, cut_off_ms, except_sid, expires_ms)
            VALUES (@entry, @issuer, 'sub', @sub, @cutOff, NULL, @expires)
            """;
        using var claims = Claims(access);
        command.Parameters.AddWithValue("@entry", $"{Guid.NewGuid()}");
        command.Parameters.AddWithValue("@issuer", issuer);
        command.Parameters.AddWithValue("@sub", claims.RootElement.GetProperty("sub").GetString());
        command.Parameters.AddWithValue("@cutOff", TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
        command.Parameters.AddWithValue("@expires", expires);
        Assert.Equal(1, await command.ExecuteNonQueryAsync(Cancellation));
    }

    private static JsonDocument Claims(string access) => JsonDocument.Parse(Base64Url.DecodeFromChars(access.Split('.')[1]));
}
