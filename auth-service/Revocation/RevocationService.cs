using AuthService.Users;
using RevocationProtocol;

namespace AuthService.Revocation;

/// <param name="Revoked">Revocations stored.</param>
/// <param name="Gateways">Gateways that may serve requests, unreachable ones included.</param>
/// <param name="Acknowledged">Gateways known to refuse the revoked tokens from now on.</param>
/// <param name="Durable">Also in the database; if not, that follows by itself as soon as the database is back.</param>
internal sealed record RevocationReceipt(int Revoked, int Gateways, int Acknowledged, bool Durable);

/// <summary>Publishes revocations: to the stream and its gateways, and to the database. Every path is safe to repeat.</summary>
internal sealed partial class RevocationService(
    RevocationWriter writer, AcknowledgementTracker acknowledgements, RevocationStore store, RevocationState state, Outbox outbox,
    OutboxRows outboxRows, RevocationReplica replica, ILogger<RevocationService> logger)
{
    /// <exception cref="RedisUnavailableException">Redis is known to be away or incomplete: answer 503 and change nothing.</exception>
    public void EnsureAvailable()
    {
        if (state.UnavailableReason is { } reason)
            throw new RedisUnavailableException(reason);
    }

    /// <summary>What this process knows of a token, from memory.</summary>
    public RevocationVerdict Check(RevocableToken token) => replica.Check(token);

    /// <summary>
    /// Adds a revocation to the caller's transaction. After the commit call <see cref="PublishStagedAsync"/>; if the
    /// process dies before, any replica publishes it within a second.
    /// </summary>
    public static RevocationRow Stage(UsersDbContext db, RevocationEntry entry)
    {
        var row = new RevocationRow
        {
            EntryId = Guid.NewGuid().ToString(),
            Issuer = entry.Issuer,
            Kind = RevocationCodec.KindText(entry.Kind),
            Id = entry.Id,
            CutOffMs = entry.CutOffMs,
            ExceptSid = entry.ExceptSid,
            ExpiresMs = entry.ExpiresMs,
        };
        db.Revocations.Add(row);
        return row;
    }

    /// <summary>
    /// Publishes what is committed but not published, and waits for the gateways. Redis lost meanwhile: nothing is
    /// acknowledged, and the rows are published later.
    /// </summary>
    public async Task<RevocationReceipt> PublishStagedAsync(CancellationToken ct)
    {
        var revoked = 0;
        try
        {
            var (count, last) = await PublishUnpublishedAsync(ct);
            revoked = count;
            return await ReceiveAsync(revoked, last, ct);
        }
        catch (RedisUnavailableException e)
        {
            state.ReportUnavailable();
            Log.PublishedLater(logger, e.Message);
            return new RevocationReceipt(revoked, state.Gateways, 0, Durable: true);
        }
    }

    /// <summary>Publishes what is committed but not published, by whomever. Answers how many, and the last append.</summary>
    /// <exception cref="RedisUnavailableException">What is left is published later.</exception>
    public async Task<(int Count, RevocationAppend? Last)> PublishUnpublishedAsync(CancellationToken ct)
    {
        var count = 0;
        RevocationAppend? last = null;
        while (await store.ReadUnpublishedAsync(ct) is { Count: > 0 } rows)
        {
            RevocationEntry[] entries = [.. rows.Select(RevocationStore.ToEntry)];
            last = await writer.AppendRowsAsync(entries, rows[^1].Number, ct);
            replica.Apply(entries);
            count += rows.Count;
            // Into a Redis that is not complete a row may go and get lost again with it: it stays unpublished.
            if (!last.Status.Filled)
                break;
            await store.MarkPublishedAsync([.. rows.Select(row => row.Number)], ct);
        }
        return (count, last);
    }

    /// <summary>Waits for the gateways to apply an append; without one, what somebody else has published before the end of the stream.</summary>
    private async Task<RevocationReceipt> ReceiveAsync(int revoked, RevocationAppend? append, CancellationToken ct)
    {
        if (append is null)
        {
            var status = await writer.InspectAsync(ct);
            if (!status.Filled)
                return new RevocationReceipt(revoked, status.Gateways.Count, 0, Durable: true);
            append = new RevocationAppend(status.Last, status);
        }
        var acknowledgement = await acknowledgements.WaitAsync(append, ct);
        return new RevocationReceipt(revoked, acknowledgement.Gateways, acknowledgement.Acknowledged, Durable: true);
    }

    /// <summary>
    /// Publishes what the script that ended session <paramref name="sid"/> left in the outbox. The revocation itself stands
    /// in Redis since that script, so whatever fails here is made good by the next sweep of any replica.
    /// </summary>
    /// <exception cref="RedisUnavailableException">Redis lost the end of the session before it got anywhere: ask for it again.</exception>
    public async Task<RevocationReceipt> PublishOutboxAsync(string sid, string partition, string outboxId, CancellationToken ct)
    {
        try
        {
            if (await outbox.ReadAsync(partition, outboxId, ct) is { } item)
                return await PublishAsync(item, ct);
            // Another replica's sweep was faster, or the session was ended before: then the database has it.
            if (await IsStoredAsync(sid, ct))
                return await ReceiveAsync(1, append: null, ct);
        }
        catch (RedisUnavailableException e)
        {
            state.ReportUnavailable();
            Log.PublishedLater(logger, e.Message);
            return new RevocationReceipt(1, state.Gateways, 0, Durable: false);
        }
        throw new RedisUnavailableException("The end of a session was lost with the Redis that took it.");
    }

    /// <summary>
    /// Publishes what was left behind in any outbox by a process that died or a database that was away. While that is away
    /// an entry stays, but goes to the stream once only; its row, when it is stored at last, is published as all rows are.
    /// </summary>
    public async Task SweepOutboxesAsync(CancellationToken ct)
    {
        foreach (var partition in Outbox.Partitions)
        {
            foreach (var item in await outbox.ReadAsync(partition, ct))
            {
                if (outboxRows.IsAppended(item, state.Identity))
                    await outboxRows.StoreAsync(item, append: null);
                else
                    await PublishAsync(item, ct);
            }
        }
    }

    private async Task<RevocationReceipt> PublishAsync(OutboxItem item, CancellationToken ct)
    {
        if (item.Entry is null)
        {
            Log.Unreadable(logger, item.Partition, item.Id);
            return new RevocationReceipt(0, state.Gateways, 0, Durable: false);
        }
        var entry = item.Entry.Revocation?.ToEntry();
        var append = entry is null || outboxRows.IsOver(item.Entry) ? null : await PublishAsync(entry, ct);
        var storing = outboxRows.StoreAsync(item, append);
        var acknowledgement = append is null ? new Acknowledgement(state.Gateways, state.Gateways) : await acknowledgements.WaitAsync(append, ct);
        return new RevocationReceipt(entry is null ? 0 : 1, acknowledgement.Gateways, acknowledgement.Acknowledged, await storing);
    }

    private async Task<RevocationAppend> PublishAsync(RevocationEntry entry, CancellationToken ct)
    {
        var append = await writer.AppendAsync([entry], ct);
        replica.Apply([entry]);
        return append;
    }

    private async Task<bool> IsStoredAsync(string sid, CancellationToken ct)
    {
        try
        {
            return await store.HasEndAsync(sid, ct);
        }
        catch (Exception e) when (UsersDatabaseFaults.IsAway(e))
        {
            return false;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2510, LogLevel.Warning, "Revocations are stored but could not be published now; they will be as soon as Redis answers: {Reason}")]
        public static partial void PublishedLater(ILogger logger, string reason);

        [LoggerMessage(2512, LogLevel.Error, "Entry {Id} of outbox {Partition} cannot be read by this version; it stays there. Update this service.")]
        public static partial void Unreadable(ILogger logger, string partition, string id);
    }
}
