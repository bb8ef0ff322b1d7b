using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Testing;

/// <summary>One connection through a <see cref="TcpProxy"/>: two sockets, and what is under way between them.</summary>
internal sealed class TcpProxyLink(TcpProxy proxy, Socket near) : IDisposable
{
    private readonly Socket _far = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private volatile bool _stranded;

    /// <summary>Carries bytes until both sides have closed or one was reset.</summary>
    public async Task RunAsync(int target)
    {
        try
        {
            near.NoDelay = true;
            if (!_stranded)
            {
                await proxy.OpenAsync();
                await _far.ConnectAsync(IPAddress.Loopback, target);
            }

            await Task.WhenAll(CarryAsync(near, _far), CarryAsync(_far, near));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            if (_stranded) await SwallowAsync();
            // Nothing listens there, or one side was reset: so is the other.
            else Reset();
        }
    }

    /// <summary>Resets both sides.</summary>
    public void Reset()
    {
        foreach (var socket in (Socket[])[near, _far])
        {
            try
            {
                socket.LingerState = new LingerOption(enable: true, seconds: 0);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // It is closed already.
            }

            socket.Dispose();
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        near.Dispose();
        _far.Dispose();
    }

    /// <summary>Leaves the near side alone with its connection.</summary>
    public void Strand()
    {
        _stranded = true;
        _far.Dispose();
    }

    private async Task CarryAsync(Socket from, Socket to)
    {
        var underWay = Channel.CreateUnbounded<(byte[] Bytes, long Sent)>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        await Task.WhenAll(TakeAsync(from, underWay.Writer), DeliverAsync(underWay.Reader, to));
    }

    private async Task TakeAsync(Socket from, ChannelWriter<(byte[] Bytes, long Sent)> underWay)
    {
        try
        {
            var buffer = new byte[64 * 1024];
            while (await from.ReceiveAsync(buffer) is var count and > 0) underWay.TryWrite((buffer[..count], Stopwatch.GetTimestamp()));
        }
        catch (SocketException)
        {
            // A reset overtakes what is under way.
            if (!_stranded) Reset();
            throw;
        }
        finally
        {
            underWay.TryComplete();
        }
    }

    private async Task DeliverAsync(ChannelReader<(byte[] Bytes, long Sent)> underWay, Socket to)
    {
        await foreach (var (bytes, sent) in underWay.ReadAllAsync())
        {
            // Timers go by a clock of some milliseconds a step, and may be early.
            while (proxy.Delay - Stopwatch.GetElapsedTime(sent) is var left && left > TimeSpan.Zero)
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds)));
            await proxy.OpenAsync();
            await to.SendAsync(bytes);
        }

        await proxy.OpenAsync();
        if (!_stranded) to.Shutdown(SocketShutdown.Send);
    }

    /// <summary>Reads what the near side says, to no one, until it gives up.</summary>
    private async Task SwallowAsync()
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await near.ReceiveAsync(buffer) > 0)
            {
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It gave up, or the proxy was cut.
        }
    }
}
