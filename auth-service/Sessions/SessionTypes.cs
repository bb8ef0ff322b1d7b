namespace AuthService.Sessions;

/// <summary>A sign-in that becomes a session.</summary>
/// <param name="Idle">How long the session lives without a refresh.</param>
/// <param name="Absolute">How long it lives at most.</param>
internal sealed record NewSession(
    Guid UserId, string ClientId, string Scope, long SessionEpoch, long AuthTimeSeconds, string? Address, string? UserAgent, TimeSpan Idle, TimeSpan Absolute);

/// <param name="RefreshToken">Text of the session's first refresh token.</param>
internal sealed record StartedSession(string Sid, string RefreshToken, long ExpiresMs);

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

/// <param name="RefreshToken">Text of the successor; null unless the session goes on.</param>
/// <param name="OutboxId">Outbox entry of the session's end; null unless it ended by this.</param>
internal sealed record RotationOutcome(
    RotationKind Kind, string? RefreshToken = null, string Scope = "", long AuthTimeSeconds = 0, string? OutboxId = null);

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
}

/// <param name="Ended">False if it had ended before.</param>
/// <param name="OutboxId">Outbox entry to publish; null if it had ended before.</param>
internal sealed record EndedSession(bool Ended, string Partition, string? OutboxId);

/// <summary>A live session, for showing to its user.</summary>
internal sealed record SessionInfo(
    string Sid, string ClientId, long SessionEpoch, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, DateTimeOffset ExpiresAt, string? Address, string? UserAgent);
