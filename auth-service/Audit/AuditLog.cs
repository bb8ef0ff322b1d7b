using System.Diagnostics;
using AuthService.Sessions;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Audit;

/// <summary>
/// Records what must be accounted for. A change in the users database and its record are one transaction
/// (<see cref="Stage"/>); what a session script changes in Redis carries its record in the same step. Each is written once
/// however often it is tried, and is an event of the log category <c>Audit</c> once it stands.
/// </summary>
internal sealed class AuditLog(IHttpContextAccessor requests, ClientAddress addresses, IDbContextFactory<UsersDbContext> databases, TimeProvider time)
{
    /// <summary>The most events of one page.</summary>
    public const int MaxPage = 500;

    /// <summary>Adds the record to the caller's transaction, with address and trace id of the request being answered.</summary>
    public void Stage(UsersDbContext database, AuditRecord record) => database.AuditEvents.Add(Create(record));

    /// <summary>The events that match, the latest first.</summary>
    /// <param name="after">The cursor of the page before; null for the first.</param>
    /// <param name="limit">How many at most; never more than <see cref="MaxPage"/>.</param>
    public async Task<AuditPage> PageAsync(AuditQuery query, AuditCursor? after, int limit, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var events = database.AuditEvents.AsNoTracking();
        if (query.From?.ToUnixTimeMilliseconds() is { } from) events = events.Where(e => e.AtMs >= from);
        if (query.To?.ToUnixTimeMilliseconds() is { } to) events = events.Where(e => e.AtMs < to);
        if (query.Subject is { } subject) events = events.Where(e => e.Subject == subject);
        if (query.Actor is { } actor) events = events.Where(e => e.Actor == actor);
        if (query.Type is { } type) events = events.Where(e => e.Type == type);
        if (after is var (atMs, id)) events = events.Where(e => e.AtMs < atMs || (e.AtMs == atMs && e.Id < id));
        var count = Math.Clamp(limit, 1, MaxPage);
        var page = await events.OrderByDescending(e => e.AtMs).ThenByDescending(e => e.Id).Take(count + 1).ToListAsync(cancellationToken);
        if (page.Count <= count) return new AuditPage(page, Next: null);
        page.RemoveAt(count);
        return new AuditPage(page, new AuditCursor(page[^1].AtMs, page[^1].Id));
    }

    /// <summary>The event of a record, now and in the request being answered.</summary>
    public AuditEvent Create(AuditRecord record) => AuditTypes.All.Contains(record.Type)
        ? new AuditEvent
        {
            EventId = Guid.NewGuid().ToString("D"),
            AtMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
            Type = record.Type,
            Actor = record.Actor,
            Subject = record.Subject,
            ClientId = record.ClientId,
            Sid = record.Sid,
            Address = requests.HttpContext is { } request ? addresses.Of(request) : null,
            TraceId = Activity.Current?.TraceId.ToHexString(),
            Detail = record.Detail?.ToJsonString(),
        }
        : throw new ArgumentException($"'{record.Type}' is not among {nameof(AuditTypes)}.", nameof(record));
}
