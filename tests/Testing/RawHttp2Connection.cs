using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace Testing;

/// <summary>A frame of HTTP/2 as the server sent it (RFC 9113 section 4.1).</summary>
public sealed record Http2Frame(byte Type, byte Flags, int Stream, byte[] Payload)
{
    public const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6, GoAway = 7, WindowUpdate = 8, Continuation = 9;
    public const byte EndStream = 1, EndHeaders = 4;

    /// <summary>The error code of a reset stream or of the end of a connection.</summary>
    public uint Error => BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan(Type == GoAway ? 4 : 0));
}

/// <summary>
/// HTTP/2 without TLS and without manners: any frames in any order, and what the server says to them. Header blocks are
/// written without compression, so that every byte is the test's own.
/// </summary>
public sealed class RawHttp2Connection : IAsyncDisposable
{
    private readonly TcpClient _client = new() { NoDelay = true };
    private readonly ConcurrentQueue<Http2Frame> _received = new();
    private readonly bool _reads;
    private Task _reading = Task.CompletedTask;
    private NetworkStream _stream = null!;

    private RawHttp2Connection(bool reads) => _reads = reads;

    /// <summary>All frames so far, oldest first.</summary>
    public IReadOnlyCollection<Http2Frame> Received => _received;

    /// <summary>Whether the server has ended the connection, in order or not.</summary>
    public bool Ended => _reading.IsCompleted && _reads;

    /// <summary>The server's word about the end of the connection.</summary>
    public Http2Frame? GoAway => _received.FirstOrDefault(frame => frame.Type == Http2Frame.GoAway);

    /// <param name="address">Where cleartext HTTP/2 is spoken.</param>
    /// <param name="reads">False for a client that never takes an answer off the line.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<RawHttp2Connection> ConnectAsync(Uri address, bool reads = true, CancellationToken cancellationToken = default)
    {
        var connection = new RawHttp2Connection(reads);
        await connection._client.ConnectAsync("127.0.0.1", address.Port, cancellationToken);
        connection._stream = connection._client.GetStream();
        await connection._stream.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), cancellationToken);
        await connection.SendAsync(Frame(Http2Frame.Settings, 0, 0, []), cancellationToken);
        if (reads) connection._reading = Task.Run(connection.ReadAsync, CancellationToken.None);
        return connection;
    }

    public static byte[] Frame(byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(9));
        return frame;
    }

    /// <summary>A header block of literal fields (RFC 7541 section 6.2.2), Latin-1.</summary>
    public static byte[] Block(params IEnumerable<(string Name, string Value)> fields)
    {
        using var block = new MemoryStream();
        foreach (var (name, value) in fields)
        {
            block.WriteByte(0);
            Write(block, name);
            Write(block, value);
        }

        return block.ToArray();
    }

    /// <summary>The pseudo-headers of a request, and further fields.</summary>
    public static (string Name, string Value)[] Request(string method, string path, params IEnumerable<(string Name, string Value)> fields) =>
        [(":method", method), (":scheme", "http"), (":path", path), (":authority", "127.0.0.1"), .. fields];

    /// <summary>A request that is complete.</summary>
    public static byte[] Get(int stream, string path) =>
        Frame(Http2Frame.Headers, Http2Frame.EndHeaders | Http2Frame.EndStream, stream, Block(Request("GET", path)));

    public async Task SendAsync(ReadOnlyMemory<byte> frames, CancellationToken cancellationToken = default) =>
        await _stream.WriteAsync(frames, cancellationToken);

    /// <summary>Sends until <paramref name="times"/> is reached, or the server ended the connection or takes no more; how often it went.</summary>
    public async Task<int> FloodAsync(int times, Func<int, byte[]> frames, TimeSpan patience, CancellationToken cancellationToken)
    {
        const int together = 100;
        for (var sent = 0; sent < times; sent += together)
        {
            using var stuck = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            stuck.CancelAfter(patience);
            try
            {
                await SendAsync(Enumerable.Range(sent, Math.Min(together, times - sent)).SelectMany(frames).ToArray(), stuck.Token);
            }
            catch (IOException)
            {
                return sent;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return sent;
            }
        }

        return times;
    }

    /// <summary>Waits until the server has taken in everything sent: it answers a ping behind it all, or has ended the connection.</summary>
    public async Task SettledAsync(CancellationToken cancellationToken)
    {
        await FloodAsync(1, _ => Frame(Http2Frame.Ping, 0, 0, "settled?"u8), Eventually.Deadline, cancellationToken);
        await Eventually.TrueAsync(
            () => Ended || _received.Any(frame => frame.Type == Http2Frame.Ping && frame.Payload.AsSpan().SequenceEqual("settled?"u8)), "the server has taken in everything", cancellationToken);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _reading;
    }

    private static void Write(MemoryStream block, string text)
    {
        // A length in seven bits, and what does not fit into them in groups of seven (RFC 7541 section 5.1).
        if (text.Length < 127)
        {
            block.WriteByte((byte)text.Length);
        }
        else
        {
            block.WriteByte(127);
            var rest = text.Length - 127;
            for (; rest >= 128; rest >>= 7) block.WriteByte((byte)(rest | 128));
            block.WriteByte((byte)rest);
        }

        block.Write(Encoding.Latin1.GetBytes(text));
    }

    private async Task ReadAsync()
    {
        try
        {
            var head = new byte[9];
            while (true)
            {
                await _stream.ReadExactlyAsync(head);
                var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(head) >>> 8];
                await _stream.ReadExactlyAsync(payload);
                _received.Enqueue(new Http2Frame(head[3], head[4], BinaryPrimitives.ReadInt32BigEndian(head.AsSpan(5)), payload));
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // Over.
        }
    }
}
