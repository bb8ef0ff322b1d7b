using System.Globalization;
using System.Text.Json.Nodes;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Administration;

/// <summary>Which audit events to list.</summary>
/// <param name="From">From this moment on.</param>
/// <param name="To">Before this moment.</param>
/// <param name="Subject">Whom or what it befell: a sub, or the id of a client, key or role.</param>
internal sealed record AuditFilter(
    DateTimeOffset? From = null, DateTimeOffset? To = null, string? Subject = null, string? Actor = null, string? Type = null, string? ClientId = null, string? Sid = null);

/// <summary>The audit log, the latest first.</summary>
internal sealed class AuditReader(IDbContextFactory<UsersDbContext> databases)
{
    public async Task<Page<AuditEvent>> ListAsync(PageRequest page, AuditFilter filter, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var events = database.AuditEvents.AsNoTracking();
        if (filter.From?.ToUnixTimeMilliseconds() is { } from) events = events.Where(audit => audit.AtMs >= from);
        if (filter.To?.ToUnixTimeMilliseconds() is { } to) events = events.Where(audit => audit.AtMs < to);
        if (filter.Subject is { } subject) events = events.Where(audit => audit.Subject == subject);
        if (filter.Actor is { } actor) events = events.Where(audit => audit.Actor == actor);
        if (filter.Type is { } type) events = events.Where(audit => audit.Type == type);
        if (filter.ClientId is { } clientId) events = events.Where(audit => audit.ClientId == clientId);
        if (filter.Sid is { } sid) events = events.Where(audit => audit.Sid == sid);
        if (page.After is { } after)
        {
            if (After(after) is not var (atMs, id)) throw RefusedException.Invalid("cursor", "This must be the next_cursor of a page.");
            events = events.Where(audit => audit.AtMs < atMs || (audit.AtMs == atMs && audit.Id < id));
        }
        var rows = await events.OrderByDescending(audit => audit.AtMs).ThenByDescending(audit => audit.Id).Take(page.Limit + 1).ToListAsync(cancellationToken);
        return page.Of(rows, audit => string.Create(CultureInfo.InvariantCulture, $"{audit.AtMs}.{audit.Id}"));
    }

    public static Dictionary<string, object?> Members(AuditEvent audit) => new()
    {
        ["id"] = audit.EventId,
        ["at"] = DateTimeOffset.FromUnixTimeMilliseconds(audit.AtMs),
        ["type"] = audit.Type,
        ["actor"] = audit.Actor,
        ["subject"] = audit.Subject,
        ["client_id"] = audit.ClientId,
        ["sid"] = audit.Sid,
        ["ip"] = audit.Address,
        ["trace_id"] = audit.TraceId,
        ["detail"] = audit.Detail is { } detail ? JsonNode.Parse(detail) : null,
    };

    private static (long AtMs, long Id)? After(string key) =>
        key.Split('.') is [var at, var number]
        && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var atMs) && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? (atMs, id)
            : null;
}
