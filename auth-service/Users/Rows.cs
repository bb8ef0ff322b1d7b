namespace AuthService.Users;

/// <summary>What holds for all tokens; one row.</summary>
internal sealed class CutOff
{
    /// <summary>Id of the only row.</summary>
    public const string All = "all";

    public required string Id { get; init; }

    /// <summary>Unix ms: every token issued at or before it is dead. 0: none.</summary>
    public long NotBeforeMs { get; set; }

    /// <summary>The longest life that access tokens were ever issued with, ms: revocations are kept at least as long.</summary>
    public long LongestTokenLifeMs { get; set; }
}

/// <summary>A session that ended, kept until it could not have lived any longer whatever Redis holds.</summary>
internal sealed class EndedSession
{
    public required string Sid { get; init; }

    public required string Sub { get; init; }

    public required string ClientId { get; init; }

    public required string Reason { get; init; }

    /// <summary>Unix ms.</summary>
    public long EndedAtMs { get; init; }

    /// <summary>The session's absolute expiry, Unix ms.</summary>
    public long ExpiresMs { get; init; }
}

/// <summary>A MAC key of refresh tokens, sealed.</summary>
internal sealed class RefreshTokenKey
{
    public required string Id { get; init; }

    public required string SealedKey { get; set; }

    /// <summary>Unix ms.</summary>
    public long CreatedAtMs { get; init; }

    /// <summary>From when tokens under it are refused, Unix ms; null while it makes new ones.</summary>
    public long? RetiresAtMs { get; set; }
}

/// <summary>Something that happened which an operator may have to account for.</summary>
internal sealed class AuditEvent
{
    public long Id { get; init; }

    /// <summary>Unique, so that writing an event twice writes it once.</summary>
    public required string EventId { get; init; }

    /// <summary>Unix ms.</summary>
    public long AtMs { get; init; }

    public required string Type { get; init; }

    /// <summary>Who did it: a sub or client id.</summary>
    public string? Actor { get; init; }

    /// <summary>Whom it befell: a sub.</summary>
    public string? Subject { get; init; }

    public string? ClientId { get; init; }

    public string? Sid { get; init; }

    public string? Address { get; init; }

    public string? TraceId { get; init; }

    /// <summary>JSON object; never holds tokens or passwords.</summary>
    public string? Detail { get; init; }
}
