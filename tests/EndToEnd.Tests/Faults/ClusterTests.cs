using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>A master of the Redis Cluster dies, and its replica takes its slots.</summary>
[Collection(ReplicatedStackCollection.Name)]
public sealed class ClusterTests(ReplicatedStack system)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cluster_whose_node_of_the_revocations_is_killed_goes_on_with_its_replica()
    {
        var stack = await system.WholeAsync();
        // The replica may lack what was written last: sessions begun at that moment.
        await using var run = await FaultRun.BeginAsync(stack, "Redis Cluster: master killed", new Excuses { SessionsOlder = true });
        var master = await system.Redis.NodeOfAsync("gw:{rev}:stream");

        await master.KillAsync();
        await Eventually.TrueAsync(
            async _ => await system.Redis.FindNodeOfAsync("gw:{rev}:stream") is not null,
            TimeSpan.FromSeconds(30), () => "the replica was not promoted", Cancellation);
        await run.ServesAsync("with the replica");
        await Checks.DecidedAsync(() => stack.Client.PostAsync("/api/token/", new { username = "alice", password = "alice-password-1" }));

        await master.StartAsync();
        await system.Redis.CompleteAsync();
        await run.EndAsync();
    }
}
