using System.Diagnostics.Metrics;
using AuthService.Users;

namespace AuthService.Audit;

/// <summary>Writes audit events to the log category <c>Audit</c>, and counts them by type in the meter <c>AuthService.Audit</c>.</summary>
internal sealed partial class AuditEvents(ILoggerFactory logging, IMeterFactory meters)
{
    public const string Meter = "AuthService.Audit";

    private readonly ILogger _logger = logging.CreateLogger("Audit");

    private readonly Counter<long> _events = meters.Create(Meter).CreateCounter<long>(
        "auth_service.audit.events", "{event}", "Audit events, each once it stands.");

    public void Write(AuditEvent audit)
    {
        _events.Add(1, new KeyValuePair<string, object?>("type", audit.Type));
        Log.Happened(_logger, audit.Type, audit.Actor, audit.Subject, audit.ClientId, audit.Sid, audit.Address, audit.TraceId, audit.EventId, audit.Detail);
    }

    private static partial class Log
    {
        [LoggerMessage(2800, LogLevel.Information,
            "{Type} by {Actor} of {Subject}, client {ClientId}, session {Sid}, address {Address}, trace {TraceId}, event {EventId}: {Detail}")]
        public static partial void Happened(
            ILogger logger, string type, string? actor, string? subject, string? clientId, string? sid, string? address, string? traceId, string eventId,
            string? detail);
    }
}
