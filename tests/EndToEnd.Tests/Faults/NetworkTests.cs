using System.Diagnostics;
using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>The network to Redis fails, for one gateway alone and for the auth-service.</summary>
[Collection(FaultStackCollection.Name)]
public sealed class NetworkTests(FaultStack system)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(ProxyMode.Cut)]
    [InlineData(ProxyMode.HalfOpen)]
    [InlineData(ProxyMode.BlackHole)]
    public async Task Partitioned_gateway_is_known_as_such_and_refuses_by_its_own_clock(ProxyMode mode)
    {
        var stack = await system.WholeAsync();
        await using var run = await FaultRun.BeginAsync(stack, $"Network to Redis: {mode}");
        var sessions = await SessionsAway.PrepareAsync(stack);
        var dead = await stack.SignInAsync("bob", cancellationToken: Cancellation);
        await Checks.ServesAsync(stack, dead.Access);
        var (alone, network) = (stack.Gateways[1], stack.RedisProxyOf(stack.Gateways[1]));

        network.Switch(mode);
        var answer = await Checks.DecidedAsync(() => stack.Client.LogoutAsync(dead.Access));
        var answered = Stopwatch.GetTimestamp();
        Assert.Equal(200, answer.Status);
        Assert.Equal(2, answer.Json.GetProperty("gateways").GetInt32());
        Assert.InRange(answer.Json.GetProperty("acknowledged").GetInt32(), 0, 1);
        await Eventually.TrueAsync(
            async () =>
            {
                var mustRefuse = Stopwatch.GetElapsedTime(answered) > Checks.MaxStaleness;
                var status = (await Checks.HelloAsync(alone, dead.Access)).Status;
                Assert.False(mustRefuse && status == 200, "it serves what it knows for longer than it may");
                return status != 200;
            },
            "it refuses by itself",
            Cancellation);
        Assert.Equal("revocation_unknown", (await Checks.HelloAsync(alone, run.Alive.Access)).Code);
        await Eventually.TrueAsync(async () => (await Checks.HelloAsync(stack.Gateway, run.Alive.Access)).Status == 200, "the other serves", Cancellation);

        stack.RedisProxyOf(stack.AuthService).Switch(mode);
        await sessions.AssertNotNowAsync();
        foreach (var service in stack.Services) stack.RedisProxyOf(service).Switch(ProxyMode.Pass);
        await run.EndAsync();
        Assert.Equal("token_revoked", (await Checks.DecidedAsync(() => Checks.HelloAsync(alone, dead.Access))).Code);
        await sessions.AssertRepairedAsync();
    }

    [Fact]
    public async Task Slow_network_slows_and_does_no_more()
    {
        var stack = await system.WholeAsync();
        await using var run = await FaultRun.BeginAsync(stack, "Network to Redis: slow");
        try
        {
            foreach (var service in stack.Services) stack.RedisProxyOf(service).Delay = TimeSpan.FromMilliseconds(30);
            await run.ServesAsync("over a slow network");
            for (var round = 0; round < 3; round++) await Checks.LogOutAsync(stack, await stack.SignInAsync("bob", cancellationToken: Cancellation));
        }
        finally
        {
            foreach (var service in stack.Services) stack.RedisProxyOf(service).Delay = TimeSpan.Zero;
        }

        await run.EndAsync();
    }
}
