using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>The master dies, and a replica without its last writes takes its place.</summary>
[Collection(ReplicatedStackCollection.Name)]
public sealed class FailoverTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Replica_without_the_last_writes_revives_nothing()
    {
        await using var replica = new RedisFixture();
        await replica.StartAsync();
        await using var stack = await Stack.CreateAsync(Checks.Options(gateways: 2) with { SecondRedis = replica.Endpoint });
        await FollowAsync(stack, replica);
        foreach (var service in stack.Services) service.Launch();
        foreach (var service in stack.Services) await service.ReadyAsync(Cancellation);

        // It stops following: what is written from then on is lost with the master.
        await using var run = await FaultRun.BeginAsync(
            stack, "Replica takes over, without the last writes", new Excuses { Gone = [stack.Gateways[1]], SessionsOlder = true }, () => StopFollowingAsync(stack, replica));
        await stack.Redis.KillAsync();
        Assert.Equal("0", await replica.RunCliAsync("xlen", "gw:{rev}:stream"));
        await replica.RunCliAsync("replicaof", "no", "one");
        await run.ServesAsync("at the new master");
        await Checks.StartAfreshAsync(stack.Gateways[1]);
        await run.EndAsync();
    }

    private static async Task FollowAsync(Stack stack, RedisFixture replica)
    {
        await replica.RunCliAsync("replicaof", "127.0.0.1", $"{stack.Redis.Port}");
        await Eventually.TrueAsync(
            async () => (await replica.RunCliAsync("info", "replication")).Contains("master_link_status:up", StringComparison.Ordinal), "the replica follows", Cancellation);
    }

    private static async Task StopFollowingAsync(Stack stack, RedisFixture replica)
    {
        Assert.Equal("1", await stack.Redis.RunCliAsync("wait", "1", "5000"));
        await replica.RunCliAsync("replicaof", "127.0.0.1", "1");
    }
}
