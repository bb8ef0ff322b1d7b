using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>The users' database is gone, or says nothing any more.</summary>
[Collection(ReplicatedStackCollection.Name)]
public sealed class DatabaseTests(ReplicatedStack system)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ProxyMode.Cut)]
    [InlineData(ProxyMode.BlackHole)]
    public async Task Database_down_keeps_people_out_and_revocation_working(ProxyMode mode)
    {
        var stack = await system.WholeAsync();
        await using var run = await FaultRun.BeginAsync(stack, $"User database: {mode}");
        var leaving = await stack.SignInAsync("bob", cancellationToken: Cancellation);
        await Checks.ServesAsync(stack, leaving.Access);

        system.DatabaseNetwork.Switch(mode);
        var answers = await Task.WhenAll(
            stack.Client.PostAsync("/api/token/", new { username = "alice", password = "alice-password-1" }), stack.Client.RefreshAsync(run.Alive.Refresh));
        Assert.All(answers, answer => Assert.Equal(503, answer.Status));
        var logout = await Checks.DecidedAsync(() => stack.Client.LogoutAsync(leaving.Access));
        Assert.Equal(200, logout.Status);
        Assert.False(logout.Json.GetProperty("durable").GetBoolean());
        await Eventually.TrueAsync(async () => await Checks.PassingAsync(stack, leaving.Access) == 0, "no gateway lets a dead token pass", Cancellation);
        await run.ServesAsync("without the database");

        system.DatabaseNetwork.Switch(ProxyMode.Pass);
        await run.EndAsync();
        Assert.Equal(401, (await Checks.DecidedAsync(() => stack.Client.RefreshAsync(leaving.Refresh))).Status);
        var sid = Checks.SessionOf(leaving);
        var outbox = await system.Redis.NodeOfAsync($"gw:outbox:{{{sid[..2]}}}");
        await Eventually.TrueAsync(async () => await outbox.RunCliAsync("xlen", $"gw:outbox:{{{sid[..2]}}}") == "0", "the database has it now", Cancellation);
    }
}
