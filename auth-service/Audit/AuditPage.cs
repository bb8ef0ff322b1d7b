using System.Globalization;
using AuthService.Users;

namespace AuthService.Audit;

/// <summary>Some audit events, the latest first.</summary>
/// <param name="Next">Cursor of the next page; null if this is the last.</param>
internal sealed record AuditPage(IReadOnlyList<AuditEvent> Events, AuditCursor? Next);

/// <summary>Where a page ends: an event's time and number. New events do not move it.</summary>
internal readonly record struct AuditCursor(long AtMs, long Id)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{AtMs}-{Id}");

    /// <summary>Reads what <see cref="ToString"/> wrote; null for anything else.</summary>
    public static AuditCursor? Parse(string text) =>
        text.Split('-') is [var at, var id] && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var atMs)
            && long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new AuditCursor(atMs, number)
            : null;
}

/// <summary>Which events are asked for; null for any.</summary>
/// <param name="From">At or after.</param>
/// <param name="To">Before.</param>
internal sealed record AuditQuery(DateTimeOffset? From = null, DateTimeOffset? To = null, string? Subject = null, string? Type = null, string? Actor = null);
