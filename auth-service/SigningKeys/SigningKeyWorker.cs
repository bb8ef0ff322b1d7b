using RevocationProtocol;

namespace AuthService.SigningKeys;

/// <summary>
/// Keeps this replica's keys as they are in the database: reads them every few seconds, when a change is due, and at once
/// when another replica says that they changed or that one was withdrawn; and does what is due.
/// </summary>
internal sealed partial class SigningKeyWorker(
    SigningKeyStore store, SigningKeySchedule schedule, SigningKeyNews news, SigningKeyMetrics metrics, RevocationReplica revocations,
    Preparation preparation, TimeProvider time, ILogger<SigningKeyWorker> logger) : BackgroundService
{
    /// <summary>The longest a replica that hears nothing publishes other keys than the database holds: 5 s. What it signs with is read with
    /// each token (<see cref="SigningKeyStore.ActiveAsync"/>).</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(50);

    private readonly Wakeup _changes = new(time);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The news may be lost with the process that had it to tell; the revocation is not.
        revocations.Applied += entries => { if (entries.Any(entry => entry.Kind == RevocationKind.Kid)) _changes.Call(); };
        var listening = false;
        DateTimeOffset? due = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            await WaitAsync(due, stoppingToken);
            if (stoppingToken.IsCancellationRequested || preparation.NotReadyReason is not null) continue;
            try
            {
                listening = listening || await ListenAsync(stoppingToken);
                due = await schedule.AdvanceAsync(stoppingToken);
                await store.LoadAsync(stoppingToken);
                metrics.NextChangeAt = due;
                await news.TellAsync(stoppingToken);
            }
            catch (Exception e)
            {
                // Whatever it was, nothing but a restart would begin this again; what the end of the service cuts off has not failed.
                if (stoppingToken.IsCancellationRequested) return;
                due = null;
                Log.Kept(logger, e);
            }
        }
    }

    private async Task<bool> ListenAsync(CancellationToken cancellationToken)
    {
        try
        {
            await news.ListenAsync(_changes.Call, cancellationToken);
            return true;
        }
        catch (RedisUnavailableException)
        {
            return false;
        }
    }

    private Task<bool> WaitAsync(DateTimeOffset? due, CancellationToken stoppingToken)
    {
        var wait = due - time.GetUtcNow() is { } left && left < Interval ? left : Interval;
        return _changes.WaitAsync(wait < ShortestWait ? ShortestWait : wait, stoppingToken);
    }

    internal static partial class Log
    {
        [LoggerMessage(2102, LogLevel.Warning, "The signing keys could not be read again; those last read stay in use for a while")]
        public static partial void Kept(ILogger logger, Exception exception);
    }
}
