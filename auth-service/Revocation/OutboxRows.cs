using AuthService.Users;
using RevocationProtocol;

namespace AuthService.Revocation;

/// <summary>
/// Brings outbox entries into the database: those of requests at the same time in one transaction, since a database waits
/// for the disk at each commit and SQLite has one writer at a time. Its caller waits for the rows only; that the entries
/// then count as published, and leave the outbox, follows, and is made good by the sweep of any replica if this process
/// dies before.
/// </summary>
internal sealed partial class OutboxRows(
    RevocationStore store, RevocationWriter writer, Outbox outbox, ILogger<OutboxRows> logger, TimeProvider time)
{
    private const int MaxBatch = 100;

    private readonly AppendedEntries _appended = new();
    private readonly Queue<Waiting> _queue = [];
    private bool _running;

    /// <summary>Whether the entry was appended to the stream of that Redis and waits for the database.</summary>
    public bool IsAppended(OutboxItem item, string? identity) => item.Entry is not null && _appended.Contains(item.Entry.Eid, identity);

    /// <summary>Whether it revokes nothing, or nothing any more: then only its rows are needed.</summary>
    public bool IsOver(OutboxEntry entry) =>
        entry.Revocation?.ToEntry() is not { } revocation || revocation.ExpiresMs <= time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Answers whether the database has the rows; if not, because it is away.</summary>
    /// <param name="append">That of its revocation, if it was appended just now.</param>
    public Task<bool> StoreAsync(OutboxItem item, RevocationAppend? append)
    {
        var waiting = new Waiting(item, append);
        lock (_queue)
        {
            _queue.Enqueue(waiting);
            if (!_running)
            {
                _running = true;
                _ = Task.Run(StoreQueuedAsync);
            }
        }
        return waiting.Stored.Task;
    }

    private async Task StoreQueuedAsync()
    {
        while (TakeBatch() is { Length: > 0 } batch)
        {
            try
            {
                await StoreAsync(batch);
            }
            catch (Exception e)
            {
                // One entry that cannot be stored must not keep the others of its batch from it.
                if (batch.Length == 1)
                    batch[0].Stored.TrySetException(e);
                foreach (var waiting in batch.Length > 1 ? batch : [])
                    await StoreAloneAsync(waiting);
            }
        }
    }

    private async Task StoreAloneAsync(Waiting waiting)
    {
        try
        {
            await StoreAsync([waiting]);
        }
        catch (Exception e)
        {
            waiting.Stored.TrySetException(e);
        }
    }

    private Waiting[] TakeBatch()
    {
        lock (_queue)
        {
            var batch = new Waiting[Math.Min(_queue.Count, MaxBatch)];
            for (var i = 0; i < batch.Length; i++)
                batch[i] = _queue.Dequeue();
            _running = batch.Length > 0;
            return batch;
        }
    }

    private async Task StoreAsync(Waiting[] batch)
    {
        try
        {
            var numbers = await store.StoreAsync([.. batch.Select(waiting => waiting.Item.Entry!)], CancellationToken.None);
            foreach (var waiting in batch)
                waiting.Stored.TrySetResult(true);
            await FinishAsync(batch, numbers);
        }
        catch (Exception e) when (UsersDatabaseFaults.IsAway(e))
        {
            foreach (var (item, append, stored) in batch)
            {
                if (append is not null)
                    _appended.Remember(item.Entry!.Eid, append.Status.Identity);
                if (stored.TrySetResult(false))
                    Log.NotDurable(logger, e.Message);
            }
        }
        catch (RedisUnavailableException)
        {
            // The next sweep finds the entries again and stores nothing twice.
        }
    }

    private async Task FinishAsync(Waiting[] batch, IReadOnlyList<long?> numbers)
    {
        var rows = batch.Zip(numbers, (waiting, number) => (Waiting: waiting, Number: number)).Where(row => row.Number is not null).ToList();
        var published = rows.Where(row => row.Waiting.Append is null && IsOver(row.Waiting.Item.Entry!)).Select(row => row.Number!.Value).ToList();
        // A Redis that is another one by now, or was emptied, may lack the entries: their rows then stay unpublished, and are
        // published there. So do those of appends of long ago.
        foreach (var appended in rows.Where(row => row.Waiting.Append is not null).GroupBy(row => row.Waiting.Append!.Status.Identity))
        {
            if (await writer.TryRaiseMarkAsync(appended.Key, appended.Max(row => row.Number!.Value), CancellationToken.None))
                published.AddRange(appended.Select(row => row.Number!.Value));
        }
        if (published.Count > 0)
            await store.MarkPublishedAsync(published, CancellationToken.None);
        foreach (var waiting in batch)
            _appended.Forget(waiting.Item.Entry!.Eid);
        await Task.WhenAll(batch.Where(waiting => waiting.Append is null or { Status.Filled: true })
            .Select(waiting => outbox.RemoveAsync(waiting.Item, CancellationToken.None)));
    }

    private sealed record Waiting(OutboxItem Item, RevocationAppend? Append)
    {
        public TaskCompletionSource<bool> Stored { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Deconstruct(out OutboxItem item, out RevocationAppend? append, out TaskCompletionSource<bool> stored) =>
            (item, append, stored) = (Item, Append, Stored);
    }

    private static partial class Log
    {
        [LoggerMessage(2511, LogLevel.Warning, "A revocation stands in Redis but not yet in the database; it will be stored as soon as the database answers: {Reason}")]
        public static partial void NotDurable(ILogger logger, string reason);
    }
}
