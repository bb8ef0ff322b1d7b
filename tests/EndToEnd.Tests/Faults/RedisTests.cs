using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>Redis dies, and comes back: whole, empty, older, or wiped while it runs.</summary>
[Collection(FaultStackCollection.Name)]
public sealed class RedisTests(FaultStack system)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Redis_down_means_not_now_once_what_is_known_is_too_old()
    {
        var stack = await system.WholeAsync();
        await using var run = await FaultRun.BeginAsync(stack, "Redis down");
        var sessions = await SessionsAway.PrepareAsync(stack);

        await stack.Redis.KillAsync();
        await sessions.AssertNotNowAsync();
        foreach (var gateway in stack.Gateways)
        {
            await Eventually.TrueAsync(
                async () => await Checks.HelloAsync(gateway, run.Alive.Access) is { Status: 503, Code: "revocation_unknown" }, "what it knows has become too old", Cancellation);
            Assert.Equal("token_revoked", (await Checks.HelloAsync(gateway, run.Dead.Access)).Code);
        }

        await stack.Redis.StartAsync();
        await run.EndAsync();
        await sessions.AssertRepairedAsync();
    }

    [Fact]
    public async Task Redis_back_empty_revives_nothing()
    {
        var stack = await system.WholeAsync();
        await using var run = await FaultRun.BeginAsync(stack, "Redis back empty", new Excuses { SessionsLost = true });

        await stack.Redis.KillAsync();
        await stack.Redis.StartWithAsync(new Dictionary<string, byte[]>());
        await run.EndAsync();
    }

    [Fact]
    public async Task Redis_back_older_with_its_marker_revives_nothing()
    {
        var stack = await system.WholeAsync();
        IReadOnlyDictionary<string, byte[]> older = new Dictionary<string, byte[]>();
        await using var run = await FaultRun.BeginAsync(
            stack, "Redis back older", new Excuses { Gone = [stack.Gateways[1]], SessionsOlder = true }, async () => older = await stack.Redis.CopyAppendOnlyFileAsync());
        Assert.NotEqual("", await stack.Redis.RunCliAsync("get", "gw:{rev}:marker"));

        await stack.Redis.KillAsync();
        await stack.Redis.StartWithAsync(older);
        // A gateway that never knew it: what it is told now must hold the revocation again.
        await Checks.StartAfreshAsync(stack.Gateways[1]);
        await run.EndAsync();
    }

    [Fact]
    public async Task Redis_wiped_and_all_gateways_restarted_revives_nothing()
    {
        var stack = await system.WholeAsync();
        await using var run = await FaultRun.BeginAsync(stack, "Redis wiped, gateways restarted", new Excuses { Gone = stack.Gateways, SessionsLost = true });

        foreach (var gateway in stack.Gateways) gateway.Kill();
        foreach (var gateway in stack.Gateways) await gateway.ExitedAsync(Cancellation);
        await stack.Redis.RunCliAsync("flushall");
        foreach (var gateway in stack.Gateways) gateway.Launch();
        foreach (var gateway in stack.Gateways)
        {
            await gateway.ReadyAsync(Cancellation);
            Assert.Equal("token_revoked", (await Checks.HelloAsync(gateway, run.Dead.Access)).Code);
        }

        await run.EndAsync();
    }

    [Fact]
    public async Task Everything_restarted_on_an_empty_Redis_revives_nothing()
    {
        var stack = await system.WholeAsync();
        await using var run = await FaultRun.BeginAsync(
            stack, "Everything restarted, Redis empty", new Excuses { Gone = stack.Gateways, AuthServiceGone = true, SessionsLost = true });

        foreach (var service in stack.Services) service.Kill();
        await stack.Redis.KillAsync();
        await stack.Redis.StartWithAsync(new Dictionary<string, byte[]>());
        foreach (var service in stack.Services)
        {
            await service.ExitedAsync(Cancellation);
            service.Launch();
        }

        foreach (var service in stack.Services) await service.ReadyAsync(Cancellation);
        await run.EndAsync();
    }
}
