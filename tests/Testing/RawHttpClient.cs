using System.Net.Sockets;
using System.Text;

namespace Testing;

/// <summary>Sends bytes that no HTTP client library would send, and reads the answer.</summary>
public static class RawHttpClient
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    /// <summary>Sends Latin-1 text, one byte per char, over a connection of its own and returns the first final answer.</summary>
    public static async Task<Http1Message> SendAsync(int port, string latin1, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Deadline);
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync("127.0.0.1", port, deadline.Token);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(latin1), deadline.Token);
        var isHead = latin1.StartsWith("HEAD ", StringComparison.Ordinal);
        var reader = new Http1Reader(stream);
        return await reader.ReadAsync(line => isHead || line.Contains(" 204 ") || line.Contains(" 304 ") || line.Contains(" 101 "), deadline.Token)
            ?? throw new EndOfStreamException("The server closed the connection without an answer.");
    }

    /// <summary>A GET of <paramref name="target"/> with further header lines, each as "Name: value".</summary>
    public static Task<Http1Message> GetAsync(int port, string target, CancellationToken cancellationToken, params string[] headers) =>
        SendAsync(port, $"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{string.Concat(headers.Select(line => line + "\r\n"))}\r\n", cancellationToken);
}
