using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using ServiceHosting.Logging;
using Testing;

namespace Libraries.Tests.ServiceHosting;

public sealed class LogOutputTests
{
    [Fact]
    public async Task Completion_event_becomes_a_line_of_json()
    {
        var completion = Completion("orders");

        var line = Assert.Single(await WrittenAsync(completion));

        Assert.Equal(completion.Time, line.GetProperty("Timestamp").GetDateTimeOffset());
        Assert.Equal("Information", line.GetProperty("Level").GetString());
        Assert.Equal(completion.TraceId, line.GetProperty("TraceId").GetString());
        Assert.Equal(completion.SpanId.ToHexString(), line.GetProperty("SpanId").GetString());
        var properties = line.GetProperty("Properties");
        Assert.Equal("GET", properties.GetProperty("Method").GetString());
        Assert.Equal("orders", properties.GetProperty("Route").GetString());
        Assert.Equal(200, properties.GetProperty("Status").GetInt32());
        Assert.Equal(JsonValueKind.Null, properties.GetProperty("Reason").ValueKind);
        Assert.Equal(1.5, properties.GetProperty("DurationMs").GetDouble());
        Assert.Equal("127.0.0.1", properties.GetProperty("Client").GetString());
        Assert.Equal(4000, properties.GetProperty("EventId").GetProperty("Id").GetInt32());
        Assert.Equal(typeof(CompletionEvent).FullName, properties.GetProperty("SourceContext").GetString());
        Assert.Equal("test", properties.GetProperty("Service").GetString());
    }

    [Fact]
    public async Task Route_of_any_name_is_written_whole()
    {
        var route = string.Concat(Enumerable.Repeat("\"}\\{é\n\u2028", 1_000));

        var line = Assert.Single(await WrittenAsync(Completion(route)));

        Assert.Equal(route, line.GetProperty("Properties").GetProperty("Route").GetString());
    }

    /// <summary>In ticks of 100 ns.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(10_000)]
    [InlineData(10_203)]
    [InlineData(12_345_600)]
    [InlineData(36_000_000_010)]
    public async Task Duration_is_written_as_it_was_measured(long ticks)
    {
        var line = Assert.Single(await WrittenAsync(Completion("orders", duration: TimeSpan.FromTicks(ticks))));

        Assert.Equal(TimeSpan.FromTicks(ticks).TotalMilliseconds, line.GetProperty("Properties").GetProperty("DurationMs").GetDouble());
    }

    [Fact]
    public async Task Event_without_route_span_or_client_is_written_too()
    {
        var line = Assert.Single(await WrittenAsync(Completion(route: null, isWithinSpan: false, client: null)));

        Assert.False(line.TryGetProperty("SpanId", out _));
        Assert.Equal(JsonValueKind.Null, line.GetProperty("Properties").GetProperty("Route").ValueKind);
        Assert.Equal(JsonValueKind.Null, line.GetProperty("Properties").GetProperty("Client").ValueKind);
    }

    [Fact]
    public async Task Events_beyond_what_may_wait_for_a_slow_output_are_counted()
    {
        const int Events = 20_000;
        var stream = new GatedStream();
        using var output = new LogOutput("test", stream, TimeProvider.System);

        for (var i = 0; i < Events; i++) output.Write(Completion("orders"));
        stream.Open();

        await Eventually.TrueAsync(
            () =>
            {
                var lost = stream.Lines().Select(line => line.GetProperty("Properties").TryGetProperty("Lost", out var number) ? number.GetInt32() : 0).ToList();
                return lost.Sum() > 0 && lost.Sum() + lost.Count(number => number == 0) == Events;
            },
            "every event is a line or counted", TestContext.Current.CancellationToken);
    }

    private static async Task<List<JsonElement>> WrittenAsync(CompletionEvent completion)
    {
        var stream = new GatedStream();
        stream.Open();
        using var output = new LogOutput("test", stream, TimeProvider.System);
        output.Write(completion);
        await Eventually.TrueAsync(() => stream.Lines().Count > 0, "the line is written", TestContext.Current.CancellationToken);
        return stream.Lines();
    }

    private static CompletionEvent Completion(string? route, bool isWithinSpan = true, string? client = "127.0.0.1", TimeSpan? duration = null) => new()
    {
        Time = new DateTimeOffset(2026, 11, 22, 9, 30, 0, TimeSpan.FromHours(1)).AddTicks(1_234_567),
        Method = "GET",
        Route = route,
        Status = 200,
        Reason = null,
        Duration = duration ?? TimeSpan.FromMilliseconds(1.5),
        TraceId = "0af7651916cd43dd8448eb211c80319c",
        SpanId = isWithinSpan ? ActivitySpanId.CreateFromString("b7ad6b7169203331") : default,
        Client = client is null ? null : IPAddress.Parse(client),
    };

    /// <summary>Takes nothing until it is opened.</summary>
    private sealed class GatedStream : MemoryStream
    {
        private readonly ManualResetEventSlim _open = new();

        public void Open() => _open.Set();

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            _open.Wait();
            lock (_open) base.Write(buffer);
        }

        public List<JsonElement> Lines()
        {
            lock (_open) return [.. Encoding.UTF8.GetString(ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<JsonElement>(line))];
        }
    }
}
