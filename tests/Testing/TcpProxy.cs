using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Testing;

/// <summary>What a <see cref="TcpProxy"/> does to the connections through it.</summary>
public enum ProxyMode
{
    /// <summary>Hands everything on.</summary>
    Pass,

    /// <summary>Resets every connection and refuses new ones, as a host does whose program is gone.</summary>
    Cut,

    /// <summary>
    /// The far side is gone without a word: connections are accepted and stay open, what is sent is swallowed, nothing is
    /// answered. A connection that was so once stays so, whatever the mode becomes.
    /// </summary>
    HalfOpen,

    /// <summary>
    /// Nothing gets through either way, on old connections and new ones, and nobody is told. What was under way arrives when
    /// the mode is <see cref="Pass"/> again, as TCP would have sent it again.
    /// </summary>
    BlackHole,
}

/// <summary>A network that fails on demand, between a service and one TCP server of this machine. Its port stays the same.</summary>
public sealed class TcpProxy : IAsyncDisposable
{
    private readonly PortLease _lease = PortLease.Take();
    private readonly int _target;
    private readonly ConcurrentDictionary<TcpProxyLink, Task> _links = new();
    private readonly Lock _switching = new();
    private TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TcpListener? _listener;
    private int _accepted;

    /// <summary>Begins to pass what comes on to a port, which need not be served yet.</summary>
    public TcpProxy(int target)
    {
        _target = target;
        Switch(ProxyMode.Pass);
    }

    /// <summary><c>host:port</c>, fit for a connection string.</summary>
    public string Endpoint => $"127.0.0.1:{_lease.Port}";

    public int Port => _lease.Port;

    public ProxyMode Mode { get; private set; }

    /// <summary>How many connections were ever made to it.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>How long everything is under way, each way.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Takes effect at once, on connections that are open as well.</summary>
    public void Switch(ProxyMode mode)
    {
        lock (_switching)
        {
            Mode = mode;
            if (mode == ProxyMode.BlackHole && _open.Task.IsCompleted) _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
            if (mode != ProxyMode.BlackHole) _open.TrySetResult();
            if (mode == ProxyMode.Cut) Close();
            else Listen();
            foreach (var link in _links.Keys)
            {
                if (mode == ProxyMode.Cut) link.Reset();
                if (mode == ProxyMode.HalfOpen) link.Strand();
            }
        }
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        Switch(ProxyMode.Cut);
        await Task.WhenAll(_links.Values);
        _lease.Dispose();
    }

    /// <summary>Done unless nothing gets through at the moment.</summary>
    internal Task OpenAsync() => _open.Task;

    private void Listen()
    {
        if (_listener is not null) return;
        _listener = new TcpListener(IPAddress.Loopback, Port);
        _listener.Start();
        _ = AcceptAsync(_listener);
    }

    private void Close()
    {
        _listener?.Dispose();
        _listener = null;
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        while (true)
        {
            try
            {
                var client = await listener.AcceptSocketAsync();
                Interlocked.Increment(ref _accepted);
                lock (_switching)
                {
                    var link = new TcpProxyLink(this, client);
                    if (Mode == ProxyMode.Cut) link.Reset();
                    if (Mode == ProxyMode.HalfOpen) link.Strand();
                    _links[link] = Task.Run(() => RunAsync(link));
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
        }
    }

    private async Task RunAsync(TcpProxyLink link)
    {
        using (link) await link.RunAsync(_target);
        _links.TryRemove(link, out _);
    }
}
