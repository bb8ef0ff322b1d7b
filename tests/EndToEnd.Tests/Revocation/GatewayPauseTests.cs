using System.Diagnostics;
using Testing;

namespace EndToEnd.Tests.Revocation;

/// <summary>A gateway that stands still or is gone: counted as one that may not know, until it must have refused.</summary>
[Collection(Faults.Name)]
public sealed class GatewayPauseTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gateway_stopped_and_continued_serves_no_old_truth()
    {
        await using var stack = await Faults.StartAsync(gateways: 2);
        var (alive, dead) = (await stack.SignInAsync(cancellationToken: Cancellation), await stack.SignInAsync("bob", cancellationToken: Cancellation));
        await Faults.ServesAsync(stack, dead.Access);
        stack.Gateways[1].Suspend();
        var stopped = Stopwatch.GetTimestamp();
        // They lie in the stopped gateway's socket, and are looked at before that gateway can read on.
        var waiting = Enumerable.Range(0, 5).Select(_ => Faults.HelloAsync(stack.Gateways[1], dead.Access)).ToList();
        var answer = await stack.Client.LogoutAsync(dead.Access);
        Assert.Equal(200, answer.Status);
        Assert.Equal(2, answer.Json.GetProperty("gateways").GetInt32());
        Assert.InRange(answer.Json.GetProperty("acknowledged").GetInt32(), 0, 1);
        await Eventually.TrueAsync(() => Stopwatch.GetElapsedTime(stopped) > TimeSpan.FromSeconds(2.5), "its next read is over a second late", Cancellation);
        stack.Gateways[1].Resume();
        Assert.All(await Task.WhenAll(waiting), late => Assert.Contains(late.Status, new[] { 401, 503 }));
        await Faults.ServesAsync(stack, alive.Access);
        Assert.Equal("token_revoked", (await Faults.HelloAsync(stack.Gateways[1], dead.Access)).Code);
    }

    [Fact]
    public async Task Gateway_killed_is_counted_until_it_must_have_refused()
    {
        await using var stack = await Faults.StartAsync(gateways: 2);
        stack.Gateways[1].Kill();
        await stack.Gateways[1].ExitedAsync(Cancellation);
        var tokens = await stack.SignInAsync(cancellationToken: Cancellation);
        var answer = (await stack.Client.LogoutAsync(tokens.Access)).Json;
        Assert.Equal(2, answer.GetProperty("gateways").GetInt32());
        Assert.InRange(answer.GetProperty("acknowledged").GetInt32(), 0, 1);
        await Eventually.TrueAsync(
            async () => (await stack.Client.LogoutAsync((await stack.SignInAsync(cancellationToken: Cancellation)).Access)).Json.GetProperty("gateways").GetInt32() == 1,
            "it is forgotten after its staleness",
            Cancellation);
    }
}
