using System.Net.Sockets;
using System.Text;

namespace Testing;

/// <summary>One TCP connection that stays in the test's hand: send any bytes, in pieces, and read answers when they are due.</summary>
public sealed class RawConnection : IDisposable
{
    private readonly TcpClient _client = new() { NoDelay = true };

    public static async Task<RawConnection> ConnectAsync(Uri address, CancellationToken cancellationToken = default)
    {
        var connection = new RawConnection();
        await connection._client.ConnectAsync("127.0.0.1", address.Port, cancellationToken);
        return connection;
    }

    /// <summary>Sends one request on a connection of its own; null when the server closed, or said nothing in time.</summary>
    public static async Task<Http1Message?> AskAsync(Uri address, string latin1, TimeSpan wait, CancellationToken cancellationToken = default)
    {
        using var connection = await ConnectAsync(address, cancellationToken);
        try
        {
            await connection.SendAsync(latin1, cancellationToken);
        }
        catch (IOException)
        {
            // Refused before it was read to its end; an answer may have come all the same.
        }

        return await connection.ReadAsync(wait, cancellationToken);
    }

    /// <summary>Sends Latin-1 text, one byte per char.</summary>
    public async Task SendAsync(string latin1, CancellationToken cancellationToken = default) =>
        await _client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(latin1), cancellationToken);

    /// <summary>The next answer; null when the server closed, or said nothing complete within <paramref name="wait"/>.</summary>
    public async Task<Http1Message?> ReadAsync(TimeSpan wait, CancellationToken cancellationToken = default)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(wait);
        try
        {
            return await new Http1Reader(_client.GetStream()).ReadAsync(line => line.Split(' ')[1] is "100" or "101" or "204" or "304", deadline.Token);
        }
        catch (IOException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <inheritdoc />
    public void Dispose() => _client.Dispose();
}
