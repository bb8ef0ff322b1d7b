namespace RevocationProtocol;

/// <summary>What a revocation names. The text form in Redis and in the database is the lower-case name.</summary>
public enum RevocationKind
{
    /// <summary>One token, by its <c>jti</c> (RFC 7519 section 4.1.7).</summary>
    Jti,

    /// <summary>Every token of one session, by <c>sid</c>.</summary>
    Sid,

    /// <summary>Every token signed with one key, by <c>kid</c>; never expires.</summary>
    Kid,

    /// <summary>Every token of one subject issued at or before the cut-off.</summary>
    Sub,

    /// <summary>Every token of one client (<c>client_id</c>) issued at or before the cut-off.</summary>
    Client,

    /// <summary>Every token of the issuer issued at or before the cut-off.</summary>
    All,
}

/// <summary>One revocation: which tokens of which issuer are dead, and until when anyone needs to remember it.</summary>
/// <param name="Issuer">The <c>iss</c> of the tokens.</param>
/// <param name="Kind">What <paramref name="Id"/> names.</param>
/// <param name="Id">The value of the claim; empty for <see cref="RevocationKind.All"/>.</param>
/// <param name="CutOffMs">For sub, client, all: tokens issued at or before it are dead (Unix ms). 0 for the others: everything under them is dead.</param>
/// <param name="ExceptSid">The one session that a cut-off spares, or null.</param>
/// <param name="ExpiresMs">
/// The latest moment (Unix ms) at which a covered token could still be accepted; <see cref="Never"/> for a kid.
/// </param>
public sealed record RevocationEntry(string Issuer, RevocationKind Kind, string Id, long CutOffMs, string? ExceptSid, long ExpiresMs)
{
    /// <summary>The <see cref="ExpiresMs"/> of an entry that is kept for ever.</summary>
    public const long Never = long.MaxValue;

    /// <summary>Whether the entry has a cut-off (sub, client, all) rather than killing everything under its id.</summary>
    public bool HasCutOff => Kind >= RevocationKind.Sub;
}

/// <summary>What a gateway knows about a token.</summary>
public enum RevocationVerdict
{
    /// <summary>The state is not loaded, or older than allowed: neither yes nor no.</summary>
    Unknown,

    /// <summary>No revocation covers the token.</summary>
    Live,

    /// <summary>A revocation covers the token.</summary>
    Revoked,
}
