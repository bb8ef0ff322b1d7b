using System.Buffers.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Testing;

namespace EndToEnd.Tests.Revocation;

/// <summary>A revocation on its way from the change to the gateways.</summary>
[Collection(Faults.Name)]
public sealed class PublicationTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Auth_service_killed_between_the_change_and_its_publication_publishes_it_when_it_is_back()
    {
        await using var stack = await Faults.StartAsync(gateways: 1);
        var (session, user) = (await stack.SignInAsync("bob", cancellationToken: Cancellation), await stack.SignInAsync(cancellationToken: Cancellation));
        using var claims = Claims(session.Access);
        var (issuer, sid) = (claims.RootElement.GetProperty("iss").GetString(), claims.RootElement.GetProperty("sid").GetString()!);
        stack.AuthService.Kill();
        await stack.AuthService.ExitedAsync(Cancellation);
        // What the script that ends a session leaves behind, when its process dies then.
        var expires = TimeProvider.System.GetUtcNow().AddMinutes(10).ToUnixTimeMilliseconds();
        await stack.Redis.RunCliAsync("xadd", $"gw:outbox:{{{sid[..2]}}}", "*", "data", JsonSerializer.Serialize(
            new { eid = Guid.NewGuid(), revocation = new { iss = issuer, kind = "sid", id = sid, exp = expires } }));
        // And what a committed change of a user leaves behind.
        await CommitAsync(stack.Database, issuer!, user.Access, expires);
        Assert.Equal(1, await Faults.PassingAsync(stack, session.Access));
        Assert.Equal(1, await Faults.PassingAsync(stack, user.Access));

        await stack.AuthService.StartAsync(Cancellation);
        await Eventually.TrueAsync(async () => await Faults.PassingAsync(stack, session.Access) == 0, "the session is revoked", Cancellation);
        await Eventually.TrueAsync(async () => await Faults.PassingAsync(stack, user.Access) == 0, "the user is revoked", Cancellation);
        await Eventually.TrueAsync(async () => await stack.Redis.RunCliAsync("xlen", $"gw:outbox:{{{sid[..2]}}}") == "0", "the database has it", Cancellation);
    }

    [Fact]
    public async Task Subscriptions_cut_lose_no_revocation()
    {
        await using var stack = await Faults.StartAsync(gateways: 2);
        for (var round = 0; round < 4; round++)
        {
            var tokens = await stack.SignInAsync("bob", cancellationToken: Cancellation);
            Assert.NotEqual("0", await stack.Redis.RunCliAsync("client", "kill", "type", "pubsub"));
            await Faults.LogOutAsync(stack, tokens);
        }
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
