using AuthService.Audit;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using RevocationProtocol;

namespace AuthService.Revocation;

/// <summary>The revocations as rows of the users database: what Redis is refilled from.</summary>
internal sealed class RevocationStore(IDbContextFactory<UsersDbContext> databases, AuditEvents auditLog, TimeProvider time) : IRevocationRows
{
    // A row counts for the marker only when its replica has had time to raise the marker to it.
    private const long MarkerDelayMs = 5000;

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>
    /// Stores what outbox entries say, in one transaction and each at most once. Answers the numbers of their revocations'
    /// rows, null where there is none or it was there before. A row counts as unpublished until <see cref="MarkPublishedAsync"/>.
    /// </summary>
    public async Task<IReadOnlyList<long?>> StoreAsync(IReadOnlyList<OutboxEntry> entries, CancellationToken ct)
    {
        await using var db = await databases.CreateDbContextAsync(ct);
        await using var transaction = await db.Database.BeginTransactionAsync(ct);
        var numbers = new List<long?>(entries.Count);
        var stored = new List<AuditEvent>();
        foreach (var entry in entries)
            numbers.Add(await StoreAsync(db, entry, stored, ct));
        await transaction.CommitAsync(ct);
        stored.ForEach(auditLog.Write);
        return numbers;
    }

    /// <summary>Rows that Redis does not have yet, oldest first.</summary>
    public async Task<List<RevocationRow>> ReadUnpublishedAsync(CancellationToken ct)
    {
        await using var db = await databases.CreateDbContextAsync(ct);
        return await db.Revocations.AsNoTracking().Where(row => row.PublishedAtMs == null)
            .OrderBy(row => row.Number).Take(RevocationWriter.MaxEntries).ToListAsync(ct);
    }

    public async Task MarkPublishedAsync(IReadOnlyCollection<long> numbers, CancellationToken ct)
    {
        await using var db = await databases.CreateDbContextAsync(ct);
        await db.Revocations.Where(row => numbers.Contains(row.Number) && row.PublishedAtMs == null)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.PublishedAtMs, NowMs), ct);
    }

    /// <summary>Unexpired rows above a number, in order: the material of a refill.</summary>
    public async Task<IReadOnlyList<(long Number, RevocationEntry Entry)>> ReadLiveAsync(long after, CancellationToken ct)
    {
        await using var db = await databases.CreateDbContextAsync(ct);
        var rows = await db.Revocations.AsNoTracking().Where(row => row.Number > after && row.ExpiresMs > NowMs)
            .OrderBy(row => row.Number).Take(RevocationWriter.MaxEntries).ToListAsync(ct);
        return [.. rows.Select(row => (row.Number, ToEntry(row)))];
    }

    /// <summary>Whether the end of a session is stored; its revocation was published before.</summary>
    public async Task<bool> HasEndAsync(string sid, CancellationToken ct)
    {
        await using var db = await databases.CreateDbContextAsync(ct);
        return await db.EndedSessions.AnyAsync(row => row.Sid == sid, ct);
    }

    /// <summary>Highest row that a valid marker must cover; 0 when there is none.</summary>
    public async Task<long> ReadPublishedNumberAsync(CancellationToken ct)
    {
        await using var db = await databases.CreateDbContextAsync(ct);
        var until = NowMs - MarkerDelayMs;
        return await db.Revocations.Where(row => row.PublishedAtMs <= until)
            .OrderByDescending(row => row.Number).Select(row => row.Number).FirstOrDefaultAsync(ct);
    }

    /// <summary>Deletes what nobody needs any more: expired revocations, ends of sessions that could not live now, and sign-ins of
    /// browsers that are over.</summary>
    public async Task DeleteExpiredAsync(CancellationToken ct)
    {
        await using var db = await databases.CreateDbContextAsync(ct);
        var now = NowMs;
        await db.Revocations.Where(row => row.ExpiresMs <= now).ExecuteDeleteAsync(ct);
        await db.EndedSessions.Where(row => row.ExpiresMs <= now).ExecuteDeleteAsync(ct);
        await db.BrowserSignIns.Where(row => row.ExpiresMs <= now).ExecuteDeleteAsync(ct);
    }

    private static async Task<long?> StoreAsync(UsersDbContext db, OutboxEntry entry, List<AuditEvent> stored, CancellationToken ct)
    {
        long? number = null;
        if (entry.Revocation is { } revocation)
        {
            var numbers = await db.Database.SqlQuery<long>($"""
                INSERT INTO revocations (entry_id, issuer, kind, id, cut_off_ms, except_sid, expires_ms)
                VALUES ({entry.Eid}, {revocation.Iss}, {revocation.Kind}, {revocation.Id}, {revocation.CutOff ?? 0}, {revocation.Except}, {revocation.Exp})
                ON CONFLICT (entry_id) DO NOTHING RETURNING number
                """).ToListAsync(ct);
            number = numbers is [var added] ? added : null;
        }
        if (entry.SessionEnd is { } end)
        {
            await db.Database.ExecuteSqlAsync($"""
                INSERT INTO ended_sessions (sid, sub, client_id, reason, ended_at_ms, expires_ms)
                VALUES ({end.Sid}, {end.Sub}, {end.ClientId}, {end.Reason}, {end.EndedAtMs}, {end.ExpiresMs})
                ON CONFLICT (sid) DO NOTHING
                """, ct);
        }
        if (entry.Audit is { } audit)
        {
            var detail = audit.Detail?.GetRawText();
            var inserted = await db.Database.ExecuteSqlAsync($"""
                INSERT INTO audit_events (event_id, at_ms, type, actor, subject, client_id, sid, address, trace_id, detail)
                VALUES ({entry.Eid}, {audit.AtMs}, {audit.Type}, {audit.Actor}, {audit.Subject}, {audit.ClientId}, {audit.Sid}, {audit.Address}, {audit.TraceId}, {detail})
                ON CONFLICT (event_id) DO NOTHING
                """, ct);
            if (inserted == 1)
            {
                stored.Add(new AuditEvent
                {
                    EventId = entry.Eid,
                    AtMs = audit.AtMs,
                    Type = audit.Type,
                    Actor = audit.Actor,
                    Subject = audit.Subject,
                    ClientId = audit.ClientId,
                    Sid = audit.Sid,
                    Address = audit.Address,
                    TraceId = audit.TraceId,
                    Detail = detail,
                });
            }
        }
        return number;
    }

    public static RevocationEntry ToEntry(RevocationRow row) => new(
        row.Issuer, RevocationCodec.ParseKind(row.Kind) ?? throw new InvalidOperationException($"Unknown revocation kind '{row.Kind}'."),
        row.Id, row.CutOffMs, row.ExceptSid, row.ExpiresMs);
}
