namespace Gateway.Authentication;

/// <summary>One issuer whose access tokens are accepted: <c>Gateway:Issuers:N</c>. Number 0 is the own auth-service.</summary>
internal sealed class IssuerOptions
{
    /// <summary>The exact <c>iss</c> of its tokens. Required.</summary>
    public string? Issuer { get; set; }

    /// <summary>
    /// Where its discovery document is read, <c>AUTHORITY/.well-known/openid-configuration</c>; may be another address of
    /// the issuer than the one in <c>iss</c>. Either this or <see cref="KeyFile"/>.
    /// </summary>
    public string? Authority { get; set; }

    /// <summary>A file with public keys, PEM or JWKS, read again every minute. Either this or <see cref="Authority"/>.</summary>
    public string? KeyFile { get; set; }

    /// <summary>A token must be meant for one of them. Default for number 0: <c>gateway</c>; required for others.</summary>
    public IList<string> Audiences { get; } = [];

    /// <summary>
    /// Algorithms its keys may have: ES256, ES384, RS256, PS256 (the default: all four). An RSA key that does not name its
    /// algorithm gets the first RSA algorithm here.
    /// </summary>
    public IList<string> Algorithms { get; } = [];

    /// <summary>
    /// Accepted <c>typ</c> values, compared in any case and with or without <c>application/</c>. Default for number 0:
    /// <c>at+jwt</c>; for others <c>at+jwt</c> and <c>JWT</c>.
    /// </summary>
    public IList<string> TokenTypes { get; } = [];

    /// <summary>How far the issuer's clock may be from this one. 0 to 5 minutes, default 5 seconds.</summary>
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The longest life (<c>exp</c> − <c>iat</c>) of a token; a longer one is refused as malformed. Default 1 day. Until it
    /// has passed, a revocation must be remembered.
    /// </summary>
    public TimeSpan MaxTokenLifetime { get; set; } = TimeSpan.FromDays(1);

    /// <summary>
    /// Put before <c>sub</c>, so that no foreign subject can be taken for one of ours. Required for every issuer but
    /// number 0, which must not have it. It must not be what a UUID can begin with.
    /// </summary>
    public string? SubjectPrefix { get; set; }

    /// <summary>The claim that holds the roles: a string or an array of strings. Default <c>roles</c>.</summary>
    public string RolesClaim { get; set; } = "roles";

    /// <summary>The roles a foreign issuer may give; all others of its roles are dropped. Default: none. Not for number 0.</summary>
    public IList<string> AllowedRoles { get; } = [];
}
