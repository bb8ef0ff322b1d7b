using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Testing;

namespace Gateway.Tests.Revocation;

/// <summary>How a WebSocket ends whose token dies, over real sockets: what the client gets, and what the backend does not.</summary>
public sealed class WebSocketCloserTests : IAsyncLifetime
{
    private const string Handshake = "GET /ws HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer s1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StringBuilder _heard = new();
    private StreamingGateway _gateway = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _gateway = await StreamingGateway.StartAsync(Cancellation);

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WebSocket_of_a_revoked_token_gets_close_1008_between_two_frames(bool http2)
    {
        Backend(first: StreamingGateway.TextFrame("hello"));
        using var socket = await ConnectAsync(http2);
        Assert.Equal("hello", await ReceiveAsync(socket));
        Assert.Equal(1, _gateway.LongRequests.Running);
        var began = Stopwatch.GetTimestamp();
        _gateway.Revoke("s1");
        Assert.Equal("", await ReceiveAsync(socket));
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, socket.CloseStatus);
        await socket.CloseOutputAsync(WebSocketCloseStatus.PolicyViolation, null, Cancellation);
        await _ended.Task.WaitAsync(Eventually.Deadline, Cancellation);
        // The client's Close was enough: nothing waited for the timeout.
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(1), $"{Stopwatch.GetElapsedTime(began)}");
        await Eventually.TrueAsync(() => _gateway.LongRequests.Running == 0, "it is not watched any more", Cancellation);
    }

    [Fact]
    public async Task WebSocket_in_the_midst_of_a_frame_gets_its_rest_and_then_the_close_but_no_further_frame()
    {
        Backend(first: [.. StreamingGateway.TextFrame("hello"), 0x81, 0x06, (byte)'a', (byte)'b'], then: [.. "cdef"u8, .. StreamingGateway.TextFrame("more")]);
        using var socket = await ConnectAsync();
        Assert.Equal("hello", await ReceiveAsync(socket));
        _gateway.Revoke("s1");
        await Eventually.TrueAsync(() => _gateway.LongRequests.Running == 0, "it is being ended", Cancellation);
        _released.SetResult();
        Assert.Equal("abcdef", await ReceiveAsync(socket));
        Assert.Equal("", await ReceiveAsync(socket));
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, socket.CloseStatus);
    }

    [Fact]
    public async Task WebSocket_without_a_frame_boundary_is_aborted()
    {
        Backend(first: [.. StreamingGateway.TextFrame("hello"), 0x81, 0x06, (byte)'a', (byte)'b']);
        using var socket = await ConnectAsync();
        Assert.Equal("hello", await ReceiveAsync(socket));
        var began = Stopwatch.GetTimestamp();
        _gateway.Revoke("s1");
        await Assert.ThrowsAsync<WebSocketException>(() => ReceiveAsync(socket));
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.FromMilliseconds(450), TimeSpan.FromMilliseconds(950));
        await _ended.Task.WaitAsync(Eventually.Deadline, Cancellation);
    }

    [Fact]
    public async Task WebSocket_whose_client_does_not_close_is_aborted_and_the_backend_hears_nothing_more()
    {
        Backend(first: StreamingGateway.TextFrame("hello"));
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _gateway.Address.Port, Cancellation);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(Handshake), Cancellation);
        await ReadUntilAsync(stream, "hello");
        await stream.WriteAsync(MaskedText("before"), Cancellation);
        await Eventually.TrueAsync(() => Heard().Contains("before", StringComparison.Ordinal), "the backend hears the client", Cancellation);
        var began = Stopwatch.GetTimestamp();
        _gateway.Revoke("s1");
        await ReadUntilAsync(stream, "\u0088\u0002\u0003\u00F0");
        await stream.WriteAsync(MaskedText("after"), Cancellation);
        await ReadToEndAsync(stream);
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.FromMilliseconds(950), TimeSpan.FromMilliseconds(1800));
        await _ended.Task.WaitAsync(Eventually.Deadline, Cancellation);
        Assert.DoesNotContain("after", Heard(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WebSocket_of_another_token_goes_on()
    {
        Backend(first: StreamingGateway.TextFrame("hello"), then: StreamingGateway.TextFrame("still"));
        using var socket = await ConnectAsync();
        Assert.Equal("hello", await ReceiveAsync(socket));
        _gateway.Revoke("s2");
        _released.SetResult();
        Assert.Equal("still", await ReceiveAsync(socket));
        Assert.Equal(1, _gateway.LongRequests.Running);
    }

    [Fact]
    public async Task WebSocket_ends_when_its_token_expires()
    {
        _gateway.ExpiresAt = TimeProvider.System.GetUtcNow().AddSeconds(1);
        Backend(first: StreamingGateway.TextFrame("hello"));
        using var socket = await ConnectAsync();
        Assert.Equal("hello", await ReceiveAsync(socket));
        Assert.Equal("", await ReceiveAsync(socket));
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, socket.CloseStatus);
    }

    /// <summary>Says the first piece, the second when released, and records what it hears until the connection ends.</summary>
    private void Backend(byte[] first, byte[]? then = null) => _gateway.Serve = async (head, stream, cancellation) =>
    {
        await StreamingGateway.AcceptWebSocketAsync(head, stream, cancellation);
        await stream.WriteAsync(first, cancellation);
        if (then is not null)
        {
            await _released.Task.WaitAsync(cancellation);
            await stream.WriteAsync(then, cancellation);
        }
        var buffer = new byte[1000];
        try
        {
            while (await stream.ReadAsync(buffer, cancellation) is > 0 and var read)
            {
                lock (_heard)
                    _heard.Append(Unmasked(buffer.AsSpan(0, read)));
            }
        }
        finally
        {
            _ended.TrySetResult();
        }
    };

    private string Heard()
    {
        lock (_heard)
            return _heard.ToString();
    }

    private async Task<ClientWebSocket> ConnectAsync(bool http2 = false)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer s1");
        if (http2)
        {
            socket.Options.HttpVersion = HttpVersion.Version20;
            socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        }
        var address = new UriBuilder(http2 ? _gateway.Http2Address : _gateway.Address) { Scheme = "ws", Path = "/ws" }.Uri;
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler());
        await socket.ConnectAsync(address, http2 ? invoker : null, Cancellation);
        return socket;
    }

    private static async Task<string> ReceiveAsync(ClientWebSocket socket)
    {
        var buffer = new byte[1000];
        var received = await socket.ReceiveAsync(buffer.AsMemory(), Cancellation).AsTask().WaitAsync(Eventually.Deadline, Cancellation);
        return Encoding.ASCII.GetString(buffer, 0, received.Count);
    }

    // Masked with zeros, the text stays readable.
    private static byte[] MaskedText(string text) => [0x81, (byte)(0x80 | text.Length), 0, 0, 0, 0, .. Encoding.ASCII.GetBytes(text)];

    private static string Unmasked(Span<byte> bytes) => Encoding.Latin1.GetString(bytes);

    private static async Task ReadUntilAsync(NetworkStream stream, string text)
    {
        var read = new StringBuilder();
        var buffer = new byte[1000];
        while (!read.ToString().Contains(text, StringComparison.Ordinal))
        {
            var count = await stream.ReadAsync(buffer, Cancellation);
            Assert.True(count > 0, $"the connection ended after {read}");
            read.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }
    }

    private static async Task ReadToEndAsync(NetworkStream stream)
    {
        try
        {
            while (await stream.ReadAsync(new byte[1000], Cancellation) > 0)
            {
            }
        }
        catch (IOException)
        {
            // Reset.
        }
    }
}
