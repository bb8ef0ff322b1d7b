namespace RevocationProtocol;

/// <summary>The database's rows, as far as refilling Redis needs them.</summary>
public interface IRevocationRows
{
    /// <summary>Unexpired rows above a number, in order, at most <see cref="RevocationWriter.MaxEntries"/>.</summary>
    /// <param name="after">Last number that was read; 0 at first.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<IReadOnlyList<(long Number, RevocationEntry Entry)>> ReadLiveAsync(long after, CancellationToken cancellationToken);

    /// <summary>Highest row that a valid marker must cover; 0 when there is none.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    Task<long> ReadPublishedNumberAsync(CancellationToken cancellationToken);
}

/// <summary>Fills a Redis that does not hold every revocation from the database, then marks it under its identity.</summary>
/// <param name="writer">Writes to Redis.</param>
/// <param name="rows">Reads the database.</param>
public sealed class RevocationRefill(RevocationWriter writer, IRevocationRows rows)
{
    private static readonly TimeSpan LockLife = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Refills. Answers how many entries went in and the row number marked; null if another replica is at it, or if Redis
    /// became another one or lost its data meanwhile: then the next look at it begins anew.
    /// </summary>
    /// <param name="identity">Of the Redis that was found incomplete.</param>
    /// <param name="cancellationToken">Gives up; the next attempt begins anew.</param>
    /// <exception cref="RedisUnavailableException">Redis went away.</exception>
    public async Task<(int Count, long Number)?> RunAsync(string identity, CancellationToken cancellationToken)
    {
        if (!await writer.TryLockRefillAsync(LockLife, cancellationToken))
            return null;
        // Before the rows: each row up to here is then among those read below.
        var last = await rows.ReadPublishedNumberAsync(cancellationToken);
        var count = 0;
        var after = 0L;
        while (await rows.ReadLiveAsync(after, cancellationToken) is { Count: > 0 } live)
        {
            var append = await writer.AppendRowsAsync([.. live.Select(row => row.Entry)], rowNumber: null, cancellationToken);
            if (append.Status.Identity != identity || !await writer.TryKeepRefillAsync(LockLife, cancellationToken))
                return null;
            after = live[^1].Number;
            count += live.Count;
        }
        last = Math.Max(last, after);
        return await writer.TryMarkAsync(identity, last, cancellationToken) ? (count, last) : null;
    }
}
