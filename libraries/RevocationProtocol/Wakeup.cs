using System.Threading.Channels;

namespace RevocationProtocol;

/// <summary>
/// For a worker that looks at intervals, and at once when it is called. However often it is called before it looks, it wakes
/// once; a call that comes while it works is not lost.
/// </summary>
/// <param name="time">Clock of the intervals.</param>
public sealed class Wakeup(TimeProvider time)
{
    private readonly Channel<bool> _calls = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Wakes the worker. Never blocks.</summary>
    public void Call() => _calls.Writer.TryWrite(true);

    /// <summary>Waits until called. One worker at a time.</summary>
    /// <param name="longest">For how long at most.</param>
    /// <param name="stoppingToken">Ends the wait early.</param>
    /// <returns>Whether it was called; false when the time is up or the worker stops.</returns>
    public async Task<bool> WaitAsync(TimeSpan longest, CancellationToken stoppingToken)
    {
        if (longest <= TimeSpan.Zero)
            return false;
        using var timeout = new CancellationTokenSource(longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stoppingToken);
        try
        {
            return await _calls.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
