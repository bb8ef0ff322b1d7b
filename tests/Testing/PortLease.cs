using System.Net;
using System.Net.Sockets;

namespace Testing;

/// <summary>
/// A port that stays this test's while the process behind it is stopped and started again: outside the range from which
/// outgoing connections get theirs, and held against other test processes by a locked file.
/// </summary>
public sealed class PortLease : IDisposable
{
    private const int First = 12000;
    private const int Last = 32000; // Linux gives ephemeral ports from 32768 on
    private static readonly string Locks = Path.Combine(Path.GetTempPath(), "test-ports");

    private readonly FileStream _lock;

    private PortLease(int port, FileStream @lock)
    {
        Port = port;
        _lock = @lock;
    }

    public int Port { get; }

    /// <summary>Takes one free port.</summary>
    public static PortLease Take() => TakeBlock(0)[0];

    /// <summary>Takes the ports at all <paramref name="offsets"/> from a common base, for what lays out its ports itself.</summary>
    public static IReadOnlyList<PortLease> TakeBlock(params ReadOnlySpan<int> offsets)
    {
        Directory.CreateDirectory(Locks);
        for (var attempt = 0; attempt < 1000; attempt++)
        {
            var start = Random.Shared.Next(First, Last);
            var leases = new List<PortLease>(offsets.Length);
            foreach (var offset in offsets)
            {
                if (TryTake(start + offset) is not { } lease) break;
                leases.Add(lease);
            }

            if (leases.Count == offsets.Length) return leases;
            leases.ForEach(lease => lease.Dispose());
        }

        throw new InvalidOperationException($"No free ports between {First} and {Last}.");
    }

    /// <inheritdoc />
    public void Dispose() => _lock.Dispose();

    private static PortLease? TryTake(int port)
    {
        FileStream held;
        try
        {
            held = new FileStream(Path.Combine(Locks, $"{port}"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException)
        {
            return null;
        }

        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return new PortLease(port, held);
        }
        catch (SocketException)
        {
            held.Dispose();
            return null;
        }
    }
}
