using System.Diagnostics;
using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>A gateway that stands still or is gone: counted as one that may not know, until it must have refused.</summary>
[Collection(FaultStackCollection.Name)]
public sealed class GatewayTests(FaultStack system)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gateway_stopped_and_continued_serves_no_old_truth()
    {
        var stack = await system.WholeAsync();
        await using var run = await FaultRun.BeginAsync(stack, "Gateway paused");
        var dead = await stack.SignInAsync("bob", cancellationToken: Cancellation);
        await Checks.ServesAsync(stack, dead.Access);

        stack.Gateways[1].Suspend();
        var stopped = Stopwatch.GetTimestamp();
        // They lie in the stopped gateway's socket, and are looked at before that gateway can read on.
        var waiting = Enumerable.Range(0, 5).Select(_ => Checks.HelloAsync(stack.Gateways[1], dead.Access)).ToList();
        await AssertOneIsMissedAsync(stack, dead);
        await Eventually.TrueAsync(() => Stopwatch.GetElapsedTime(stopped) > TimeSpan.FromSeconds(2.5), "its next read is over a second late", Cancellation);
        stack.Gateways[1].Resume();

        Assert.All(await Task.WhenAll(waiting), late => Assert.Contains(late.Status, new[] { 401, 503 }));
        await run.EndAsync();
        Assert.Equal("token_revoked", (await Checks.DecidedAsync(() => Checks.HelloAsync(stack.Gateways[1], dead.Access))).Code);
    }

    [Fact]
    public async Task Gateway_killed_is_counted_until_it_must_have_refused_and_started_without_Redis_waits_for_it()
    {
        var stack = await system.WholeAsync();
        var gateway = stack.Gateways[1];
        await using var run = await FaultRun.BeginAsync(stack, "Gateway killed", new Excuses { Gone = [gateway] });
        var dead = await stack.SignInAsync("bob", cancellationToken: Cancellation);

        gateway.Kill();
        await gateway.ExitedAsync(Cancellation);
        await AssertOneIsMissedAsync(stack, dead);
        stack.RedisProxyOf(gateway).Switch(ProxyMode.Cut);
        gateway.Launch();
        using var management = Stack.NewClient(gateway.Readiness);
        await Eventually.TrueAsync(
            async () => await ReadinessAsync(management) is { Status: 503 } answer && answer.Body.Contains("revocations", StringComparison.Ordinal),
            "it says what it waits for",
            Cancellation);
        Assert.Equal(503, (await Checks.HelloAsync(gateway, run.Alive.Access)).Status);
        await Eventually.TrueAsync(async () => await Checks.CountedAsync(stack) == 1, "the killed one is forgotten after its staleness", Cancellation);

        stack.RedisProxyOf(gateway).Switch(ProxyMode.Pass);
        await gateway.ReadyAsync(Cancellation);
        Assert.Equal("token_revoked", (await Checks.HelloAsync(gateway, dead.Access)).Code);
        await run.EndAsync();
    }

    private static async Task AssertOneIsMissedAsync(Stack stack, TokenPair tokens)
    {
        var answer = await Checks.DecidedAsync(() => stack.Client.LogoutAsync(tokens.Access));
        Assert.Equal(200, answer.Status);
        Assert.Equal(2, answer.Json.GetProperty("gateways").GetInt32());
        Assert.InRange(answer.Json.GetProperty("acknowledged").GetInt32(), 0, 1);
    }

    private static async Task<Answer?> ReadinessAsync(HttpClient management)
    {
        try
        {
            return await management.GetAsync("/healthz/ready", access: null);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}
