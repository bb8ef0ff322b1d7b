using RevocationProtocol;

namespace AuthService.Revocation;

/// <summary>
/// What every replica does beside requests: keep its own view of the revocations, watch that Redis is complete, publish
/// what others left unpublished, and throw away what has expired.
/// </summary>
internal sealed class RevocationWorker(
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

    /// <summary>Before the database is prepared there are no tables to ask.</summary>
    private Task RepeatAsync(TimeSpan interval, Func<CancellationToken, Task> work, CancellationToken stoppingToken) => RepeatedWork.RunAsync(
        work.Method.Name, interval, async token => { if (preparation.NotReadyReason is null) await work(token); }, logger, time, stoppingToken);
}
