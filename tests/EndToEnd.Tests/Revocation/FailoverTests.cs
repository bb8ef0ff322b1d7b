using Testing;

namespace EndToEnd.Tests.Revocation;

/// <summary>The master dies, and a replica without its last writes takes its place.</summary>
[Collection(Faults.Name)]
public sealed class FailoverTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Replica_without_the_last_writes_revives_nothing()
    {
        await using var replica = new RedisFixture();
        await replica.StartAsync();
        await using var stack = await Stack.CreateAsync(Faults.Options(gateways: 2) with { SecondRedis = replica.Endpoint });
        await replica.RunCliAsync("replicaof", "127.0.0.1", $"{stack.Redis.Port}");
        await Eventually.TrueAsync(
            async () => (await replica.RunCliAsync("info", "replication")).Contains("master_link_status:up", StringComparison.Ordinal), "the replica follows", Cancellation);
        foreach (var service in stack.Services) service.Launch();
        foreach (var service in stack.Services) await service.ReadyAsync(Cancellation);
        var (alive, dead) = (await stack.SignInAsync(cancellationToken: Cancellation), await stack.SignInAsync("bob", cancellationToken: Cancellation));
        Assert.Equal("1", await stack.Redis.RunCliAsync("wait", "1", "5000"));

        // It stops following: what is written now is lost with the master.
        await replica.RunCliAsync("replicaof", "127.0.0.1", "1");
        await Faults.LogOutAsync(stack, dead);
        await using var load = new Load(stack, alive.Access, dead.Access);
        await stack.Redis.KillAsync();
        Assert.Equal("0", await replica.RunCliAsync("xlen", "gw:{rev}:stream"));
        await replica.RunCliAsync("replicaof", "no", "one");
        await Eventually.TrueAsync(
            async () => (await stack.Client.RefreshAsync(alive.Refresh)).Status == 200, "the live session is refreshed at the new master", Cancellation);
        await Faults.ServesAsync(stack, alive.Access);
        await Faults.StartAfreshAsync(stack.Gateways[1]);
        await load.StopAsync();
        Assert.Equal("token_revoked", (await Faults.HelloAsync(stack.Gateways[1], dead.Access)).Code);
        Assert.Equal(401, (await stack.Client.RefreshAsync(dead.Refresh)).Status);
        await Faults.LogOutAsync(stack, alive);
    }
}
