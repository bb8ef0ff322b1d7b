using System.Collections.Concurrent;
using RevocationProtocol;
using StackExchange.Redis;
using Testing;

namespace Libraries.Tests.RevocationProtocol;

public sealed class RedisConnectionTests
{
    private const string Publish = "return redis.call('PUBLISH', KEYS[1], ARGV[1])";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Connection_that_is_open_and_silent_is_made_anew_with_its_subscriptions()
    {
        await using var redis = new RedisFixture();
        await redis.StartAsync();
        await using var network = new TcpProxy(redis.Port);
        await using var connection = new RedisConnection(network.Endpoint, TimeProvider.System);
        var heard = new ConcurrentQueue<string>();
        await Eventually.TrueAsync(() => TryAsync(() => connection.SubscribeAsync("news", heard.Enqueue, Cancellation)), "it subscribes", Cancellation);
        await Eventually.TrueAsync(async () => await SaysAsync(connection, "before") && heard.Contains("before"), "it hears", Cancellation);

        network.Switch(ProxyMode.HalfOpen);
        // Longer than a connection may be silent, so that it was given up while nothing could replace it.
        var began = TimeProvider.System.GetTimestamp();
        await Eventually.TrueAsync(
            async _ => !await SaysAsync(connection, "meanwhile") && TimeProvider.System.GetElapsedTime(began) > TimeSpan.FromSeconds(6),
            TimeSpan.FromSeconds(60), () => "it answers through a connection that ends nowhere", Cancellation);
        network.Switch(ProxyMode.Pass);

        await Eventually.TrueAsync(
            async _ => await SaysAsync(connection, "after") && heard.Contains("after"), TimeSpan.FromSeconds(60), () => "it does not recover", Cancellation);
    }

    [Fact]
    public async Task Silences_far_apart_are_not_taken_for_one()
    {
        await using var redis = new RedisFixture();
        await redis.StartAsync();
        await using var network = new TcpProxy(redis.Port);
        var time = new ShiftedTime();
        await using var connection = new RedisConnection(network.Endpoint, time, TimeSpan.FromMilliseconds(100));
        // The library has one connection for scripts, and one for subscriptions.
        await Eventually.TrueAsync(() => TryAsync(() => connection.SubscribeAsync("news", _ => { }, Cancellation)), "it subscribes", Cancellation);
        await Eventually.TrueAsync(() => SaysAsync(connection, "before"), "it answers", Cancellation);
        var accepted = network.Accepted;

        network.Switch(ProxyMode.BlackHole);
        Assert.False(await SaysAsync(connection, "first silence"));
        // Nobody asks in between: nothing says that the connection was well.
        time.Shift = TimeSpan.FromMinutes(2);
        Assert.False(await SaysAsync(connection, "second silence"));
        network.Switch(ProxyMode.Pass);

        await Eventually.TrueAsync(() => SaysAsync(connection, "after"), "it answers again", Cancellation);
        Assert.Equal(accepted, network.Accepted);
    }

    private static Task<bool> SaysAsync(RedisConnection connection, string text) =>
        TryAsync(() => connection.EvaluateAsync(Publish, [(RedisKey)"news"], [text], Cancellation));

    private static async Task<bool> TryAsync(Func<Task> act)
    {
        try
        {
            await act();
            return true;
        }
        catch (RedisUnavailableException)
        {
            return false;
        }
    }

    /// <summary>The system's clock, put forward.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => System.GetUtcNow().Ticks + Shift.Ticks;
    }
}
