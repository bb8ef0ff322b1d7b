using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Testing;

/// <summary>
/// A backend that keeps the exact bytes of what it received. It is a bare TCP server on purpose: an HTTP server would
/// already have decoded, merged or refused what attack tests must see.
/// </summary>
public sealed class RecordingBackend : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<Http1Message> _requests = new();
    private readonly Task _accepting;

    private RecordingBackend()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public static RecordingBackend Start() => new();

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public string Url => $"http://127.0.0.1:{Port}";

    /// <summary>Everything received, oldest first.</summary>
    public IReadOnlyCollection<Http1Message> Requests => _requests;

    /// <summary>The last request received.</summary>
    public Http1Message Last => _requests.Last();

    /// <summary>The bytes to answer with; default is an empty 200.</summary>
    public Func<Http1Message, byte[]> Respond { get; set; } = _ => Answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");

    public void Clear() => _requests.Clear();

    /// <summary>Latin-1 text as bytes.</summary>
    public static byte[] Answer(string latin1) => Encoding.Latin1.GetBytes(latin1);

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using var _ = client;
            client.NoDelay = true;
            await using var stream = new BufferedStream(client.GetStream());
            var reader = new Http1Reader(stream);
            while (await reader.ReadAsync(null, _stop.Token) is { } request)
            {
                _requests.Enqueue(request);
                await client.GetStream().WriteAsync(Respond(request), _stop.Token);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or SocketException)
        {
            // The gateway closed the connection, or the test is over.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }
}
