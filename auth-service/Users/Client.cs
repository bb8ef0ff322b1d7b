namespace AuthService.Users;

/// <summary>An application that tokens are issued to; the members are those of RFC 7591 section 2 where it has one.</summary>
internal sealed class Client
{
    /// <summary>The client of sign-ins through the JSON API. It is in every database, so that it too can be cut off.</summary>
    public const string Api = "api";

    public required string ClientId { get; init; }

    public required string Name { get; set; }

    /// <summary>See <see cref="ClientSecret"/>; null for public clients and for those that sign assertions.</summary>
    public string? SecretHash { get; set; }

    /// <summary><c>none</c>, <c>client_secret_basic</c>, <c>client_secret_post</c> or <c>private_key_jwt</c>.</summary>
    public required string TokenEndpointAuthMethod { get; set; }

    public string[] GrantTypes { get; set; } = [];

    public string[] RedirectUris { get; set; } = [];

    public string[] PostLogoutRedirectUris { get; set; } = [];

    public string[] Scopes { get; set; } = [];

    /// <summary>Public keys of <c>private_key_jwt</c>, a JWK set as JSON.</summary>
    public string? Jwks { get; set; }

    /// <summary>One of the operator's own: users are not asked for consent.</summary>
    public bool FirstParty { get; set; }

    public bool Disabled { get; set; }

    /// <summary>When it was deleted, Unix ms; null while it is there. The row stays, disabled, so that nobody gets its id again:
    /// refresh tokens of its sessions would be good with another client of that id.</summary>
    public long? DeletedAtMs { get; set; }

    /// <summary>Cut-off, Unix ms: tokens of this client issued at or before it are dead. 0: none.</summary>
    public long NotBeforeMs { get; set; }

    /// <summary>Audiences of gateway identity tokens that the client may exchange.</summary>
    public string[] IdentityAudiences { get; set; } = [];

    /// <summary>Audiences the client may ask for in an exchange.</summary>
    public string[] ExchangeAudiences { get; set; } = [];

    /// <summary>Idle life of its refresh tokens, seconds; null for <c>AuthService:RefreshTokenLifetime</c>.</summary>
    public long? RefreshTokenLifetimeSeconds { get; set; }

    /// <summary>Absolute life of its sessions, seconds; null for <c>AuthService:SessionLifetime</c>.</summary>
    public long? SessionLifetimeSeconds { get; set; }

    /// <summary>The client's home page, shown where a user is asked for consent (RFC 7591 section 2); null for none.</summary>
    public string? ClientUri { get; set; }

    /// <summary>Which custom claims its tokens carry, as JSON; null for none.</summary>
    public string? ClaimRules { get; set; }

    /// <summary>Changes with every change of the row; of two changes at once one fails.</summary>
    public string ConcurrencyStamp { get; set; } = Guid.NewGuid().ToString();

    /// <summary>Unix ms.</summary>
    public long CreatedAtMs { get; set; }
}
