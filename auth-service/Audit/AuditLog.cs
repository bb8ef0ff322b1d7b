using System.Diagnostics;
using AuthService.Sessions;
using AuthService.Users;

namespace AuthService.Audit;

/// <summary>
/// Records what must be accounted for. A change in the users database and its record are one transaction
/// (<see cref="Stage"/>); what a session script changes in Redis carries its record in the same step. Each is written once
/// however often it is tried, and is an event of the log category <c>Audit</c> once it stands.
/// </summary>
internal sealed class AuditLog(IHttpContextAccessor requests, ClientAddress addresses, TimeProvider time)
{
    /// <summary>Adds the record to the caller's transaction, with address and trace id of the request being answered.</summary>
    public void Stage(UsersDbContext database, AuditRecord record) => database.AuditEvents.Add(Create(record));

    /// <summary>The event of a record, now and in the request being answered.</summary>
    public AuditEvent Create(AuditRecord record, string? eventId = null) => AuditTypes.All.Contains(record.Type)
        ? new AuditEvent
        {
            EventId = eventId ?? Guid.NewGuid().ToString("D"),
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
