using System.Text.Json;
using Gateway.Diagnostics;
using RevocationProtocol;

namespace Gateway.Authentication;

/// <summary>One accepted issuer: its rules and its own keys, which no other issuer's token can reach.</summary>
internal sealed class Issuer(IssuerOptions options, bool isOwn, IssuerKeys keys)
{
    private readonly HashSet<string> _audiences = new(options.Audiences, StringComparer.Ordinal);
    private readonly HashSet<string> _types = new(options.TokenTypes.Select(WithoutPrefix), StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _allowedRoles = new(options.AllowedRoles, StringComparer.Ordinal);
    private readonly RevocableIssuer _revocable = new(options.Issuer!);
    private readonly long _maxLifetimeMs = (long)options.MaxTokenLifetime.TotalMilliseconds;

    public string Name { get; } = options.Issuer!;

    public bool IsOwn { get; } = isOwn;

    public IssuerKeys Keys { get; } = keys;

    /// <summary>Accepted audiences, for showing.</summary>
    public IEnumerable<string> Audiences => _audiences;

    /// <summary>Accepted types, for showing.</summary>
    public IEnumerable<string> Types => _types;

    public long ClockSkewMs { get; } = (long)options.ClockSkew.TotalMilliseconds;

    /// <summary>What must be true of a token besides its signature and the time; null if all is.</summary>
    public Reason? Check(UnverifiedToken token)
    {
        var claims = token.Claims;
        if (token.Header.Type is not { } type || !_types.Contains(WithoutPrefix(type)) || claims.IsOtherType) return Reason.TokenTypeInvalid;
        if (IsOwn && claims.TokenType != "access") return Reason.TokenTypeInvalid;
        if (IsOwn && string.IsNullOrEmpty(claims.Jti)) return Reason.TokenMalformed;
        if (claims.ExpiresMs - claims.IssuedAtMs > _maxLifetimeMs) return Reason.TokenMalformed;
        foreach (var audience in claims.Audiences)
        {
            if (_audiences.Contains(audience)) return null;
        }

        return Reason.TokenAudienceInvalid;
    }

    /// <summary>The caller that a verified token names.</summary>
    public AuthenticatedCaller Caller(UnverifiedToken token, VerificationKey key)
    {
        var claims = token.Claims;
        return new AuthenticatedCaller
        {
            Issuer = Name,
            IsForeign = !IsOwn,
            Subject = IsOwn ? claims.Subject : options.SubjectPrefix + claims.Subject,
            Name = claims.Name,
            Roles = Roles(token),
            Scopes = claims.Scopes,
            ClientId = ClientId(token),
            SessionId = claims.SessionId,
            ExpiresAt = DateTimeOffset.FromUnixTimeMilliseconds(claims.ExpiresMs),
            Claims = token.Payload,
            Revocable = Revocable(token, key.Kid ?? token.Header.Kid),
        };
    }

    /// <summary>The handles by which a token under the key <paramref name="kid"/> can be revoked.</summary>
    public RevocableToken Revocable(UnverifiedToken token, string? kid) => _revocable.Token(
        token.Claims.Jti, token.Claims.SessionId, kid, token.Claims.Subject, ClientId(token), IssueTimeMs(token.Claims));

    private string? ClientId(UnverifiedToken token) => token.Claims.ClientId ?? (IsOwn ? null : AuthorizedParty(token.Payload));

    /// <summary>
    /// Our own tokens carry their issue time in the UUIDv7 (RFC 9562 section 5.7) of their id. Others count from the start
    /// of the second in <c>iat</c>, so that a cut-off within that second covers them.
    /// </summary>
    private long IssueTimeMs(TokenClaims claims) =>
        IsOwn && Guid.TryParseExact(claims.Jti, "D", out var id) && id.Version == 7
            ? (long)(ReadBigEndian(id) >> 80)
            : claims.IssuedAtMs - claims.IssuedAtMs % 1000;

    private static UInt128 ReadBigEndian(Guid id)
    {
        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private IReadOnlyList<string> Roles(UnverifiedToken token)
    {
        var value = token.Claims.Roles;
        if (options.RolesClaim != "roles") token.Payload.TryGetProperty(options.RolesClaim, out value);
        if (value.ValueKind == JsonValueKind.Undefined || TokenClaims.StringOrStrings(value) is not { } roles) return [];
        return IsOwn ? roles : [.. roles.Where(_allowedRoles.Contains)];
    }

    /// <summary>Who the token was issued to, where <c>client_id</c> (RFC 9068) is not used: OpenID Connect's <c>azp</c>.</summary>
    private static string? AuthorizedParty(JsonElement payload) =>
        payload.TryGetProperty("azp"u8, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static string WithoutPrefix(string type) =>
        type.StartsWith("application/", StringComparison.OrdinalIgnoreCase) ? type["application/".Length..] : type;
}

/// <summary>All accepted issuers by name.</summary>
internal sealed class IssuerRegistry : IDisposable
{
    private readonly Dictionary<string, Issuer> _byName;

    public IssuerRegistry(IssuerSettings settings, IHttpClientFactory http, TimeProvider time, ILoggerFactory loggers)
    {
        var logger = loggers.CreateLogger<IssuerKeys>();
        All = [.. settings.Issuers.Select((options, number) => new Issuer(
            options, isOwn: number == 0, new IssuerKeys(options.Issuer!, Source(options, http), time, logger)))];
        _byName = All.ToDictionary(issuer => issuer.Name, StringComparer.Ordinal);
    }

    /// <summary>The issuers by number.</summary>
    public IReadOnlyList<Issuer> All { get; }

    /// <summary>Our auth-service.</summary>
    public Issuer Own => All[0];

    public Issuer? Find(string? name) => name is null ? null : _byName.GetValueOrDefault(name);

    public void Dispose()
    {
        foreach (var issuer in All) issuer.Keys.Dispose();
    }

    private static IKeySource Source(IssuerOptions options, IHttpClientFactory http) =>
        string.IsNullOrEmpty(options.KeyFile)
            ? new DiscoveryKeySource(http.CreateClient(nameof(DiscoveryKeySource)), options)
            : new KeyFileSource(options.KeyFile, options);
}
