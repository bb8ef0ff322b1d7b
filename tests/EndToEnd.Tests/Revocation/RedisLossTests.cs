using System.Diagnostics;
using Testing;

namespace EndToEnd.Tests.Revocation;

/// <summary>Redis dies, and comes back without what it knew.</summary>
[Collection(Faults.Name)]
public sealed class RedisLossTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Redis_killed_under_load_and_back_empty_revives_nothing()
    {
        await using var stack = await Faults.StartAsync(gateways: 2);
        var (alive, dead) = (await stack.SignInAsync(cancellationToken: Cancellation), await stack.SignInAsync("bob", cancellationToken: Cancellation));
        await Faults.LogOutAsync(stack, dead);
        await using var load = new Load(stack, alive.Access, dead.Access);

        var killed = Stopwatch.GetTimestamp();
        await stack.Redis.KillAsync();
        Assert.Equal(503, (await stack.Client.LogoutAsync(alive.Access)).Status);
        await Eventually.TrueAsync(() => Stopwatch.GetElapsedTime(killed) > Faults.MaxStaleness, "what the gateways know has become too old", Cancellation);
        foreach (var gateway in stack.Gateways)
        {
            Assert.Equal("revocation_unknown", (await Faults.HelloAsync(gateway, alive.Access)).Code);
            Assert.Equal("token_revoked", (await Faults.HelloAsync(gateway, dead.Access)).Code);
        }

        await stack.Redis.StartAsync();
        await Faults.ServesAsync(stack, alive.Access);
        await load.StopAsync();
        // The session is gone with that Redis; ending it works all the same.
        await Faults.LogOutWithRetriesAsync(stack, alive);
    }

    [Fact]
    public async Task Redis_wiped_and_all_gateways_restarted_revives_nothing()
    {
        await using var stack = await Faults.StartAsync(gateways: 2);
        var (alive, dead) = (await stack.SignInAsync(cancellationToken: Cancellation), await stack.SignInAsync("bob", cancellationToken: Cancellation));
        await Faults.LogOutAsync(stack, dead);
        foreach (var gateway in stack.Gateways) gateway.Kill();
        foreach (var gateway in stack.Gateways) await gateway.ExitedAsync(Cancellation);
        await stack.Redis.RunCliAsync("flushall");
        foreach (var gateway in stack.Gateways) gateway.Launch();
        foreach (var gateway in stack.Gateways)
        {
            await gateway.ReadyAsync(Cancellation);
            Assert.Equal("token_revoked", (await Faults.HelloAsync(gateway, dead.Access)).Code);
        }

        await Faults.ServesAsync(stack, alive.Access);
    }

    [Fact]
    public async Task Redis_back_with_an_older_append_only_file_that_holds_the_marker_revives_nothing()
    {
        await using var stack = await Stack.StartAsync(Faults.Options(gateways: 2) with { RedisAppendOnly = true }, Cancellation);
        var (alive, dead) = (await stack.SignInAsync(cancellationToken: Cancellation), await stack.SignInAsync("bob", cancellationToken: Cancellation));
        var older = await stack.Redis.CopyAppendOnlyFileAsync();
        Assert.NotEqual("", await stack.Redis.RunCliAsync("get", "gw:{rev}:marker"));
        await Faults.LogOutAsync(stack, dead);
        await using var load = new Load(stack, alive.Access, dead.Access);

        await stack.Redis.KillAsync();
        await stack.Redis.StartWithAsync(older);
        // A gateway that never knew it: what it is told now must hold the revocation again.
        await Faults.StartAfreshAsync(stack.Gateways[1]);
        await Faults.ServesAsync(stack, alive.Access);
        await load.StopAsync();
        Assert.Equal("token_revoked", (await Faults.HelloAsync(stack.Gateways[1], dead.Access)).Code);
        // Nobody was logged out, no ended session lives again.
        await Eventually.TrueAsync(async () => (await stack.Client.RefreshAsync(alive.Refresh)).Status == 200, "the live session is refreshed", Cancellation);
        Assert.Equal(401, (await stack.Client.RefreshAsync(dead.Refresh)).Status);
        await Faults.LogOutAsync(stack, alive);
    }
}
