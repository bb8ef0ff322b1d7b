using AuthService.Users;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Audit;

/// <summary>Audit events as rows of the users database.</summary>
internal sealed class AuditStore(IDbContextFactory<UsersDbContext> databases, UsersDatabaseOptions options)
{
    private const string Columns = "(event_id, at_ms, type, actor, subject, client_id, sid, address, trace_id, detail)";

    // One statement whatever the number of rows, which the database itself takes apart.
    private const string SqliteInsert = $$"""
        INSERT INTO audit_events {{Columns}}
        SELECT value ->> 'eid', value ->> 'at_ms', value ->> 'type', value ->> 'actor', value ->> 'subject', value ->> 'client_id', value ->> 'sid',
               value ->> 'address', value ->> 'trace_id', value ->> 'detail'
        FROM json_each({0}) WHERE true
        ON CONFLICT (event_id) DO NOTHING
        """;

    private const string PostgreSqlInsert = $$"""
        INSERT INTO audit_events {{Columns}}
        SELECT eid, at_ms, type, actor, subject, client_id, sid, address, trace_id, detail::text
        FROM json_to_recordset({0}::json) AS event
          (eid text, at_ms bigint, type text, actor text, subject text, client_id text, sid text, address text, trace_id text, detail json)
        ON CONFLICT (event_id) DO NOTHING
        """;

    /// <summary>Stores events, each at most once.</summary>
    /// <param name="rows">See <see cref="WaitingEvent.Json"/>.</param>
    public async Task InsertAsync(IReadOnlyList<string> rows, CancellationToken cancellationToken)
    {
        var json = $"[{string.Join(',', rows)}]";
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await database.Database.ExecuteSqlRawAsync(options.Sqlite is null ? PostgreSqlInsert : SqliteInsert, [json], cancellationToken);
    }

    /// <summary>Deletes some of the events up to a time, the oldest first. Answers how many.</summary>
    public async Task<int> DeleteAsync(long untilMs, int most, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var oldest = database.AuditEvents.Where(audit => audit.AtMs <= untilMs).OrderBy(audit => audit.AtMs).Take(most).Select(audit => audit.Id);
        return await database.AuditEvents.Where(audit => oldest.Contains(audit.Id)).ExecuteDeleteAsync(cancellationToken);
    }
}
