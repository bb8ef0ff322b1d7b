using System.Globalization;
using Testing;

namespace EndToEnd.Tests.Floods;

/// <summary>Clients that want nothing but the gateway's time, connections and memory, and somebody else who is served meanwhile.</summary>
public sealed class FloodTests(FloodedSystem system) : IClassFixture<FloodedSystem>
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    /// <summary>RFC 9113 section 7.</summary>
    private const uint RefusedStream = 7, Cancel = 8;

    private readonly Uri _gateway = system.Stack.Address;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public Task Headers_that_trickle_in_are_ended_by_the_time_for_headers() => system.UnimpressedByAsync(async () =>
    {
        var slow = await ConnectAsync(60);
        await Task.WhenAll(slow.Select(connection => connection.SendAsync($"GET /public/ping HTTP/1.1\r\nHost: {_gateway.Authority}\r\n", Cancellation)));
        var ended = await Task.WhenAll(slow.Select(TrickleAsync));
        Assert.All(ended, status => Assert.True(status is 408 or null, $"{status}"));
    });

    [Fact]
    public Task Bodies_that_never_come_hold_up_nobody_else() => system.UnimpressedByAsync(async () =>
    {
        var slow = await ConnectAsync(60);
        await Task.WhenAll(slow.Select(connection => connection.SendAsync(
            $"POST /public/echo/x HTTP/1.1\r\nHost: {_gateway.Authority}\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n", Cancellation)));
        // The interim answer proves that the request is in the gateway's hands, and the gateway's wait for it has begun.
        foreach (var connection in slow) Assert.Equal(100, (await connection.ReadAsync(Deadline, Cancellation))?.Status);
        await system.AssertServedAsync();
        slow.ForEach(connection => connection.Dispose());
    });

    [Fact]
    public async Task Body_of_nobody_is_not_waited_for()
    {
        using var connection = await RawConnection.ConnectAsync(_gateway, Cancellation);
        await connection.SendAsync($"POST /echo/x HTTP/1.1\r\nHost: {_gateway.Authority}\r\nContent-Length: 1000000\r\n\r\n", Cancellation);

        Assert.Equal(401, (await connection.ReadAsync(Deadline, Cancellation))?.Status);
    }

    [Fact]
    public async Task Connections_beyond_the_maximum_are_refused_those_within_served_and_health_is_still_told()
    {
        // Idle ones from before count too, and go by and by: fill up until one is refused.
        var open = new List<RawConnection>();
        while (await TryHoldAsync() is { } held)
        {
            open.Add(held);
            Assert.True(open.Count <= FloodedSystem.MaxConnections);
        }

        Assert.True(open.Count > FloodedSystem.MaxConnections / 2);
        Assert.Equal(200, await AskAsync(open[0]));
        using var probe = Stack.NewClient(system.Stack.Gateway.Readiness);
        Assert.Equal(200, (int)(await probe.GetAsync(system.Stack.Gateway.Readiness, Cancellation)).StatusCode);

        open.ForEach(connection => connection.Dispose());
        await Eventually.TrueAsync(async () =>
        {
            using var connection = await RawConnection.ConnectAsync(_gateway, Cancellation);
            return await AskAsync(connection) == 200;
        }, "new connections are taken again", Cancellation);
    }

    [Fact]
    public Task Streams_opened_and_reset_again_and_again_hold_up_nobody_else() => system.UnimpressedByAsync(async () =>
    {
        await using var attacker = await Http2Async();
        // As long as the gateway keeps up with them; then it refuses streams, and soon ends the connection.
        await attacker.FloodAsync(
            20_000, i => [.. RawHttp2Connection.Get((2 * i) + 1, "/public/ping"), .. Reset((2 * i) + 1)], Deadline, Cancellation);
        await attacker.SettledAsync(Cancellation);
    });

    [Fact]
    public async Task Streams_beyond_the_maximum_of_a_connection_are_refused()
    {
        await using var client = await Http2Async();
        await client.FloodAsync(
            101, i => RawHttp2Connection.Frame(Http2Frame.Headers, Http2Frame.EndHeaders, (2 * i) + 1, RawHttp2Connection.Block(RawHttp2Connection.Request("POST", "/public/echo/x"))), Deadline, Cancellation);

        await Eventually.TrueAsync(() => client.Received.Any(frame => frame is { Type: Http2Frame.Reset, Stream: 201, Error: RefusedStream }), "the last stream is refused", Cancellation);
    }

    [Fact]
    public Task Header_block_without_an_end_is_ended() => system.UnimpressedByAsync(async () =>
    {
        await using var attacker = await Http2Async();
        await attacker.SendAsync(RawHttp2Connection.Frame(Http2Frame.Headers, Http2Frame.EndStream, 1, RawHttp2Connection.Block(RawHttp2Connection.Request("GET", "/public/ping"))), Cancellation);
        await attacker.FloodAsync(
            20_000, i => RawHttp2Connection.Frame(Http2Frame.Continuation, 0, 1, RawHttp2Connection.Block([($"x-fill-{i}", new string('a', 200))])), Deadline, Cancellation);
        await Eventually.TrueAsync(() => attacker.Ended, "the gateway ends the connection", Cancellation);
    });

    [Fact]
    public Task Header_block_of_empty_frames_is_ended() => system.UnimpressedByAsync(async () =>
    {
        await using var attacker = await Http2Async();
        await attacker.SendAsync(RawHttp2Connection.Frame(Http2Frame.Headers, Http2Frame.EndStream, 1, RawHttp2Connection.Block(RawHttp2Connection.Request("GET", "/public/ping"))), Cancellation);
        var empty = RawHttp2Connection.Frame(Http2Frame.Continuation, 0, 1, []);
        await Eventually.TrueAsync(async () => attacker.Ended || await attacker.FloodAsync(1000, _ => empty, Deadline, Cancellation) < 1000, "the gateway ends the connection", Cancellation);
    });

    [Theory]
    [InlineData(Http2Frame.Ping, 8)]
    [InlineData(Http2Frame.Settings, 0)]
    public Task Flood_of_frames_that_want_an_answer_nobody_reads_is_held_back(byte type, int length) => system.UnimpressedByAsync(async () =>
    {
        await using var attacker = await RawHttp2Connection.ConnectAsync(system.Http2, reads: false, Cancellation);
        var frame = RawHttp2Connection.Frame(type, 0, 0, new byte[length]);
        // Held back: the gateway takes no more, or ends the connection, or has had them all and is as it was.
        await attacker.FloodAsync(1_000_000, _ => frame, TimeSpan.FromSeconds(2), Cancellation);
    });

    [Fact]
    public Task Settings_that_change_all_the_time_cost_no_memory() => system.UnimpressedByAsync(async () =>
    {
        await using var attacker = await Http2Async();
        // HEADER_TABLE_SIZE and INITIAL_WINDOW_SIZE, up and down (RFC 9113 section 6.5.2).
        await attacker.FloodAsync(100_000, i => RawHttp2Connection.Frame(Http2Frame.Settings, 0, 0, [0, 1, 0, 0, (byte)i, 0, 0, 4, 0, 0, 0, (byte)i]), Deadline, Cancellation);
    });

    private static byte[] Reset(int stream) => RawHttp2Connection.Frame(Http2Frame.Reset, 0, stream, [0, 0, 0, (byte)Cancel]);

    private Task<RawHttp2Connection> Http2Async() => RawHttp2Connection.ConnectAsync(system.Http2, cancellationToken: Cancellation);

    private async Task<List<RawConnection>> ConnectAsync(int count) =>
        [.. await Task.WhenAll(Enumerable.Range(0, count).Select(_ => RawConnection.ConnectAsync(_gateway, Cancellation)))];

    /// <summary>A header line now and then, faster than any time for a single one could be; the status the gateway ended it with, if it said one.</summary>
    private static async Task<int?> TrickleAsync(RawConnection connection)
    {
        using (connection)
        {
            var answer = connection.ReadAsync(Deadline, Cancellation);
            for (var i = 0; !answer.IsCompleted; i++)
            {
                try
                {
                    await connection.SendAsync(string.Create(CultureInfo.InvariantCulture, $"X-{i}: a\r\n"), Cancellation);
                }
                catch (IOException)
                {
                    break;
                }

                await Task.WhenAny(answer, Task.Delay(TimeSpan.FromMilliseconds(200), Cancellation));
            }

            return (await answer)?.Status;
        }
    }

    /// <summary>A connection that got an answer and is kept; null when it was refused.</summary>
    private async Task<RawConnection?> TryHoldAsync()
    {
        var connection = await RawConnection.ConnectAsync(_gateway, Cancellation);
        if (await AskAsync(connection) == 200) return connection;
        connection.Dispose();
        return null;
    }

    private async Task<int?> AskAsync(RawConnection connection)
    {
        try
        {
            await connection.SendAsync($"GET /public/ping HTTP/1.1\r\nHost: {_gateway.Authority}\r\n\r\n", Cancellation);
        }
        catch (IOException)
        {
            return null;
        }

        return (await connection.ReadAsync(Deadline, Cancellation))?.Status;
    }
}
