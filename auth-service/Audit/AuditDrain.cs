using AuthService.Revocation;
using Microsoft.Extensions.Options;

namespace AuthService.Audit;

/// <summary>
/// Brings events from the outboxes into the database: those of this process within a second, and now and then those that a
/// process left behind which is gone. It also deletes what is older than the retention time. Every replica does all of
/// this; what two do at once is done once.
/// </summary>
internal sealed class AuditDrain(
    AuditOutbox outbox, AuditStore store, Preparation preparation, IOptions<AuditOptions> options, TimeProvider time, ILogger<AuditDrain> logger) : BackgroundService
{
    private const int Batch = 500;
    private const int DeletedAtOnce = 1000;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(30);

    /// <summary>Stores what waits in these partitions.</summary>
    public async Task DrainAsync(IReadOnlyList<string> partitions, CancellationToken cancellationToken)
    {
        var left = partitions;
        while (left.Count > 0)
        {
            var read = await Task.WhenAll(left.Select(partition => outbox.ReadAsync(partition, Batch, cancellationToken)));
            foreach (var chunk in read.SelectMany(events => events).Chunk(Batch))
            {
                await store.InsertAsync([.. chunk.Select(waiting => waiting.Json)], cancellationToken);
                await Task.WhenAll(chunk.GroupBy(waiting => waiting.Partition).Select(group => outbox.RemoveAsync(group.Key, group, cancellationToken)));
            }
            left = [.. read.Where(events => events.Count == Batch).Select(events => events[0].Partition)];
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        RepeatedWork.RunAsync("Storing audit events", Interval, DrainWrittenAsync, logger, time, stoppingToken),
        RepeatedWork.RunAsync("Storing audit events that were left behind", SweepInterval, SweepAsync, logger, time, stoppingToken));

    private async Task DrainWrittenAsync(CancellationToken cancellationToken)
    {
        // Before the database is prepared there is no table to write to.
        if (preparation.NotReadyReason is not null) return;
        var written = outbox.TakeWritten();
        try
        {
            await DrainAsync(written, cancellationToken);
        }
        catch
        {
            foreach (var partition in written) outbox.NoteWritten(partition);
            throw;
        }
    }

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        if (preparation.NotReadyReason is not null) return;
        // A few partitions at a time: at rest this must not be seen.
        foreach (var partitions in Outbox.Partitions.Chunk(16)) await DrainAsync(partitions, cancellationToken);
        if (options.Value.Retention == TimeSpan.Zero) return;
        var until = (time.GetUtcNow() - options.Value.Retention).ToUnixTimeMilliseconds();
        while (await store.DeleteAsync(until, DeletedAtOnce, cancellationToken) == DeletedAtOnce)
        {
        }
    }
}
