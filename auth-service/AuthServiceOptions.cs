namespace AuthService;

/// <summary>Settings of the section <c>AuthService</c>. Durations are written <c>[d.]hh:mm:ss</c>; a setting with an
/// unknown name stops start-up, so that a misspelt one is not silently its default.</summary>
internal sealed class AuthServiceOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "AuthService";

    /// <summary>The <c>iss</c> of every token: the public address of the gateway, without a trailing slash, such as
    /// <c>https://login.example.com</c>. Required; https outside Development. Changing it makes every token of before
    /// invalid.</summary>
    public required string Issuer { get; init; }

    /// <summary>The <c>aud</c> of access tokens. Default <c>gateway</c>.</summary>
    public required string Audience { get; init; }

    /// <summary>The <c>iss</c> of the gateways' identity tokens, <c>Gateway:Identity:Issuer</c>. Default: <see cref="Issuer"/>.</summary>
    public required string IdentityIssuer { get; init; }

    /// <summary>Where the gateways publish the keys of their identity tokens. Default
    /// <c>/.well-known/identity-jwks.json</c> at <see cref="Issuer"/>. Whoever can change an answer from there can act as any
    /// user for a service: use https, or a network nobody can interfere with.</summary>
    public required string IdentityKeysAddress { get; init; }

    /// <summary>Life of an access token. Default 5 minutes; 10 seconds to 1 day. A disabled user's token is revoked
    /// at once in any case; a stolen one is good for this long.</summary>
    public required TimeSpan AccessTokenLifetime { get; init; }

    /// <summary>How long a session may stay unused before its refresh token expires. Default 24 hours.</summary>
    public required TimeSpan RefreshTokenLifetime { get; init; }

    /// <summary>How long a session may live however often it is refreshed. Default 30 days; not below
    /// <see cref="RefreshTokenLifetime"/>.</summary>
    public required TimeSpan SessionLifetime { get; init; }

    /// <summary>How long the predecessor of a refresh token gives the same successor again (a lost answer, two tabs).
    /// Default 60 s; 0 turns it off, at most 10 minutes: a thief who refreshes within it is not seen.</summary>
    public required TimeSpan RefreshGracePeriod { get; init; }

    /// <summary>Idle life of the sign-in cookie. Default 8 hours.</summary>
    public required TimeSpan SignInLifetime { get; init; }

    /// <summary>How far apart the clocks of replicas may be. Default 1 s; 100 ms to 5 s. Cut-offs lie this far ahead of
    /// the clock. A replica more than half of it from Redis is not ready.</summary>
    public required TimeSpan MaxClockSkew { get; init; }

    /// <summary>Whether <c>POST /api/users</c> is open to anyone. Default off.</summary>
    public required bool RegistrationEnabled { get; init; }

    /// <summary>The algorithm of new signing keys: ES256 (default), ES384, RS256 or PS256. A change announces a key of it at
    /// the next start.</summary>
    public required string SigningAlgorithm { get; init; }

    /// <summary>Base64 texts of 32 random bytes. The first seals every private and MAC key in the database, all open;
    /// to change it, put the new one in front and keep the old. Losing them loses every key. Required, except in
    /// Development with SQLite, where one is kept in a file beside the database.</summary>
    public required IReadOnlyList<string> KeyEncryptionKeys { get; init; }

    /// <summary>Addresses or networks (<c>10.0.0.0/8</c>) whose <c>X-Forwarded-For</c> counts: the gateways. Default
    /// none. Naming a network that clients are in lets them choose their address.</summary>
    public required IReadOnlyList<string> TrustedProxies { get; init; }

    /// <summary>How many sessions a user may have. Default 0: any number; at most 1000. The sign-in that exceeds it ends
    /// the oldest, access tokens included. A limit of 1 signs people out of their other devices.</summary>
    public required int MaxSessionsPerUser { get; init; }
}
