using AuthService.Users;
using RevocationProtocol;

namespace AuthService.Revocation;

/// <summary>
/// What every replica does beside requests: keep its own view of the revocations, watch that Redis is complete, publish
/// what others left unpublished, and throw away what has expired.
/// </summary>
internal sealed partial class RevocationWorker(
    Preparation preparation, RevocationReader reader, RevocationState state, RevocationService service, RevocationStore store, RevocationWriter writer,
    AcknowledgementTracker acknowledgements, ILogger<RevocationWorker> logger, TimeProvider time) : BackgroundService
{
    private const long MaxClockDifferenceMs = 1000;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        Task.Run(() => reader.RunAsync(stoppingToken), stoppingToken),
        RepeatAsync(TimeSpan.FromMilliseconds(500), WatchAsync, stoppingToken),
        RepeatAsync(TimeSpan.FromMilliseconds(500), service.PublishUnpublishedAsync, stoppingToken),
        RepeatAsync(TimeSpan.FromSeconds(5), service.SweepOutboxesAsync, stoppingToken),
        RepeatAsync(TimeSpan.FromSeconds(30), CleanAsync, stoppingToken));

    private async Task WatchAsync(CancellationToken ct)
    {
        await acknowledgements.SubscribeAsync(ct);
        await state.RefreshAsync(ct);
    }

    private async Task CleanAsync(CancellationToken ct)
    {
        // What a clock that runs ahead takes for expired may be alive.
        if (state.ClockDifferenceMs is not { } difference || Math.Abs(difference) > MaxClockDifferenceMs)
            return;
        await store.DeleteExpiredAsync(ct);
        while (await writer.TrimAsync(ct) > 500)
        {
        }
    }

    private async Task RepeatAsync(TimeSpan interval, Func<CancellationToken, Task> work, CancellationToken stoppingToken)
    {
        string? failure = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                // Before the database is prepared there are no tables to ask.
                if (preparation.NotReadyReason is null)
                    await work(stoppingToken);
                failure = null;
            }
            catch (Exception e) when (e is RedisUnavailableException || UsersDatabaseFaults.IsAway(e))
            {
                if (failure != e.Message)
                    Log.Postponed(logger, work.Method.Name, e.Message);
                failure = e.Message;
            }
            await Task.Delay(interval, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2520, LogLevel.Warning, "{Work} is postponed and tried again: {Reason}")]
        public static partial void Postponed(ILogger logger, string work, string reason);
    }
}
