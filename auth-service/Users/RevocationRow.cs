namespace AuthService.Users;

/// <summary>A revocation as the database keeps it, until it expires: what Redis is refilled from.</summary>
internal sealed class RevocationRow
{
    /// <summary>Given by the database, rising; never used again.</summary>
    public long Number { get; init; }

    /// <summary>Unique, so that storing an entry twice stores it once.</summary>
    public required string EntryId { get; init; }

    public required string Issuer { get; init; }

    /// <summary>Lower-case name of a <see cref="RevocationProtocol.RevocationKind"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>What is revoked: a jti, sid, kid, sub or client id; empty for all.</summary>
    public required string Id { get; init; }

    /// <summary>Unix ms; 0 for kinds without one.</summary>
    public long CutOffMs { get; init; }

    public string? ExceptSid { get; init; }

    /// <summary>Unix ms; <see cref="RevocationProtocol.RevocationEntry.Never"/> for a kid.</summary>
    public long ExpiresMs { get; init; }

    /// <summary>When Redis had it, Unix ms; null until then.</summary>
    public long? PublishedAtMs { get; set; }
}
