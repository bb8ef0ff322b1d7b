using AuthService.Audit;

namespace AuthService.Sessions;

/// <summary>A sign-in that becomes a session.</summary>
/// <param name="Idle">How long the session lives without a refresh.</param>
/// <param name="Absolute">How long it lives at most.</param>
/// <param name="AuditType">What it is in the audit log: <see cref="AuditTypes.SignedIn"/>, or <see cref="AuditTypes.SessionStarted"/>.</param>
internal sealed record NewSession(
    Guid UserId, string ClientId, string Scope, long SessionEpoch, long AuthTimeSeconds, string? Address, string? UserAgent, TimeSpan Idle, TimeSpan Absolute,
    string AuditType = AuditTypes.SignedIn);

/// <param name="Token">The session's first refresh token.</param>
/// <param name="EventId">Its audit event.</param>
internal sealed record StartedSession(string Sid, RefreshToken Token, string EventId);

/// <summary>Who asks, for audit events.</summary>
/// <param name="Actor">User or client id; null when the presenter of a token is all that is known.</param>
internal sealed record SessionActor(string? Actor, string? Address, string? TraceId);

/// <summary>Outcome of presenting a genuine refresh token.</summary>
internal enum RotationKind
{
    /// <summary>No live session of that user and client under that epoch: never known here, expired, ended, or another's.</summary>
    Refused,

    /// <summary>The current generation was presented; its successor was made.</summary>
    Rotated,

    /// <summary>The predecessor was presented within the grace period; the same successor again.</summary>
    Repeated,

    /// <summary>A newer generation than a record which a failover or restore had set back; the record moved forward.</summary>
    MovedForward,

    /// <summary>A used-up generation: somebody else has it too. The session was ended.</summary>
    Reused,

    /// <summary>A generation this Redis has not yet issued, although it lost nothing: the session was ended.</summary>
    FromTheFuture,
}

/// <param name="Successor">The next refresh token; null unless the session goes on.</param>
/// <param name="OutboxId">Outbox entry of the session's end; null unless it ended by this.</param>
internal sealed record RotationOutcome(
    RotationKind Kind, RefreshToken? Successor = null, string Scope = "", long AuthTimeSeconds = 0, string? OutboxId = null);

/// <summary>Why a session ended. The names, in snake case, stand in the database and in audit events.</summary>
internal enum SessionEndReason
{
    /// <summary>The user signed this session out.</summary>
    LoggedOut,

    /// <summary>The user ended the session from another one.</summary>
    EndedByUser,

    /// <summary>An administrator ended the session.</summary>
    EndedByAdministrator,

    /// <summary>The client gave its refresh token back (RFC 7009).</summary>
    TokenRevoked,

    /// <summary>A used-up refresh token was presented.</summary>
    TokenReused,

    /// <summary>The authorization code that began it was presented again (RFC 6749 section 4.1.2).</summary>
    CodeReused,

    /// <summary>The user signed in again and had more than <c>AuthService:MaxSessionsPerUser</c>.</summary>
    TooMany,
}

/// <param name="Ended">False if it had ended before.</param>
/// <param name="OutboxId">Outbox entry of its end, to publish now or again; null if the session was over by its age.</param>
internal sealed record SessionEnding(bool Ended, string Partition, string? OutboxId);

/// <summary>A live session, for showing to its user.</summary>
internal sealed record SessionInfo(
    string Sid, string ClientId, long SessionEpoch, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, DateTimeOffset ExpiresAt, string? Address, string? UserAgent,
    string Scope);

/// <summary>Whose session it is.</summary>
internal sealed record SessionOwner(Guid UserId, string ClientId);

/// <summary>What sessions are measured by.</summary>
/// <param name="Issuer">Issuer of the access tokens that die with a session.</param>
/// <param name="GracePeriod">How long the predecessor of an unused refresh token is answered again.</param>
/// <param name="LongestTokenLife">The longest an access token may be accepted after its issue, skew included, by the present setting.</param>
/// <param name="LongestSession">Absolute life to assume of a session that Redis has lost.</param>
/// <param name="AuditRefreshes">See <see cref="AuditOptions.Refreshes"/>.</param>
internal sealed record SessionPolicy(string Issuer, TimeSpan GracePeriod, TimeSpan LongestTokenLife, TimeSpan LongestSession, bool AuditRefreshes = true)
{
    private long _longestTokenLifeMs = (long)LongestTokenLife.TotalMilliseconds;

    /// <summary>The longest an access token may be accepted after its issue, ms: by the present setting or any earlier one.</summary>
    public long LongestTokenLifeMs => Volatile.Read(ref _longestTokenLifeMs);

    /// <summary>Tokens of this life were issued once; it never gets shorter.</summary>
    public void Cover(long longestTokenLifeMs) => Volatile.Write(ref _longestTokenLifeMs, Math.Max(_longestTokenLifeMs, longestTokenLifeMs));
}
