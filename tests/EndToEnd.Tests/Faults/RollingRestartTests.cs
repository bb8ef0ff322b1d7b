using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>A new version is rolled out: one replica after another is stopped in order and started, and nobody notices.</summary>
[Collection(ReplicatedStackCollection.Name)]
public sealed class RollingRestartTests(ReplicatedStack system)
{
    /// <summary>Longer than a client takes to look away, on a busy machine too.</summary>
    public static readonly TimeSpan ShutdownDelay = TimeSpan.FromSeconds(3);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gateways_restarted_one_by_one_fail_no_request()
    {
        var stack = await system.WholeAsync();
        await using var ready = new ReadyGateways(stack);
        await using var run = await FaultRun.BeginAsync(stack, "Rolling restart of gateways", next: ready.Next);

        foreach (var gateway in stack.Gateways)
        {
            await RestartAsync(gateway);
            await Eventually.TrueAsync(() => ready.Sees(gateway), "it is given requests again", Cancellation);
        }

        await run.EndAsync();
    }

    [Fact]
    public async Task Auth_services_restarted_one_by_one_fail_no_request()
    {
        var stack = await system.WholeAsync();
        await using var run = await FaultRun.BeginAsync(stack, "Rolling restart of auth-services");

        foreach (var service in stack.AuthServices) await RestartAsync(service);

        await run.EndAsync();
    }

    private static async Task RestartAsync(ServiceProcess service)
    {
        service.Terminate();
        Assert.Equal(0, await service.ExitedAsync(Cancellation));
        await service.StartAsync(Cancellation);
    }
}
