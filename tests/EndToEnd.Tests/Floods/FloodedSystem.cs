using System.Globalization;
using Testing;

namespace EndToEnd.Tests.Floods;

/// <summary>A system of its own for those who attack it, one after the other, with limits that are soon reached.</summary>
public sealed class FloodedSystem : IAsyncLifetime
{
    public const int MaxConnections = 120;

    /// <summary>What any of these attacks may cost: far more than one does, far less than one that piles up.</summary>
    private const long MemoryMiB = 300;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly PortLease _http2 = PortLease.Take();
    private TokenPair _tokens = null!;

    public Stack Stack { get; private set; } = null!;

    public Uri Http2 => new($"http://127.0.0.1:{_http2.Port}");

    public async ValueTask InitializeAsync()
    {
        Stack = await Stack.StartAsync(new StackOptions
        {
            GatewayEnvironment = new Dictionary<string, string>
            {
                ["Kestrel__Endpoints__Flooded__Url"] = Http2.ToString(),
                ["Kestrel__Endpoints__Flooded__Protocols"] = "Http2",
                ["Kestrel__Limits__MaxConcurrentConnections"] = $"{MaxConnections}",
                ["Kestrel__Limits__RequestHeadersTimeout"] = "00:00:03",
            },
        });
        _tokens = await Stack.SignInAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Stack.DisposeAsync();
        _http2.Dispose();
    }

    /// <summary>
    /// While <paramref name="attack"/> runs, and once afterwards, somebody else connects anew and gets what is asked for; and
    /// the gateway's memory stays in bounds.
    /// </summary>
    public async Task UnimpressedByAsync(Func<Task> attack)
    {
        var before = PeakMemory();
        var attacking = Task.Run(attack);
        do
        {
            await AssertServedAsync();
        }
        while (!attacking.IsCompleted);

        await attacking;
        await AssertServedAsync();
        Assert.InRange(PeakMemory() - before, 0, MemoryMiB);
    }

    /// <summary>A signed-in request, on a connection of its own over HTTP/1.1 and on one over HTTP/2.</summary>
    public async Task AssertServedAsync()
    {
        int? status = null;
        await Eventually.TrueAsync(
            async cancellation =>
            {
                status = (await RawConnection.AskAsync(
                    Stack.Address, $"GET /hello/ HTTP/1.1\r\nHost: {Stack.Address.Authority}\r\nAuthorization: Bearer {_tokens.Access}\r\nConnection: close\r\n\r\n", Deadline, cancellation))?.Status;
                // On a machine without a moment to spare a read of revocations comes late, and 503 is the right answer then.
                Assert.True(status is 200 or 503, $"{status}");
                return status == 200;
            },
            Deadline, () => $"somebody else is answered {status}", TestContext.Current.CancellationToken);

        await using var other = await RawHttp2Connection.ConnectAsync(Http2, cancellationToken: TestContext.Current.CancellationToken);
        await other.SendAsync(RawHttp2Connection.Get(1, "/public/ping"), TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => other.Received.Any(frame => frame is { Type: Http2Frame.Headers, Stream: 1 }), "an answer over HTTP/2", TestContext.Current.CancellationToken);
    }

    /// <summary>The most memory that the gateway's process has ever had, in MiB.</summary>
    private long PeakMemory() => long.Parse(
        File.ReadLines($"/proc/{Stack.Gateway.ProcessId}/status").Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal))[6..^2], CultureInfo.InvariantCulture) / 1024;
}
