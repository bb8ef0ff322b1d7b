using AuthService.OAuth.Authorization;
using AuthService.OAuth.Clients;
using AuthService.OAuth.Grants;
using AuthService.Users;

namespace AuthService.Administration;

/// <summary>What a client's registration may say. A registration that could never work, or that would be dangerous if it
/// did, is refused when it is made, not when it is used.</summary>
internal static class ClientRules
{
    public const string PrivateKeyJwt = "private_key_jwt";

    public static readonly string[] AuthMethods = [ClientAuthentication.None, "client_secret_basic", "client_secret_post", PrivateKeyJwt];

    private const int MaxNameLength = 200;
    private const int MaxUris = 50;
    private const int MaxScopes = 100;
    private const int MaxScopeLength = 100;
    private const int MaxAudiences = 50;
    private const int MaxAudienceLength = 200;
    private const int MaxIdLength = 100;
    private const long ShortestLife = 60;
    private const long LongestLife = 365 * 24 * 3600;

    /// <summary>Whether the service gives the client a secret.</summary>
    public static bool HasSecret(Client client) => client.TokenEndpointAuthMethod is "client_secret_basic" or "client_secret_post";

    /// <summary>An id that can stand in a header, a URL and a log, and that is nobody's <c>sub</c>: those are UUIDs.</summary>
    public static void CheckId(string id, Faults faults)
    {
        if (id.Length is 0 or > MaxIdLength || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
            faults.Add("client_id", $"A client id has 1 to {MaxIdLength} ASCII letters, digits and . _ - only.");
        else if (Guid.TryParse(id, out _))
            faults.Add("client_id", "A client id must not be a UUID: those are the ids of users.");
    }

    /// <summary>Checks the registration as it would stand.</summary>
    public static void Check(Client client, Faults faults)
    {
        if (client.Name.Length is 0 or > MaxNameLength || string.IsNullOrWhiteSpace(client.Name) || client.Name.Any(char.IsControl))
            faults.Add("client_name", $"A name has 1 to {MaxNameLength} characters, and no control characters.");
        if (client.ClientUri is { } page && (RedirectUris.Fault(page) is not null || !page.StartsWith("http", StringComparison.Ordinal)))
            faults.Add("client_uri", "This must be an https address.");
        if (client.ClaimRules is { } rules && Claims.ClaimRules.Fault(rules) is { } fault) faults.Add("claim_rules", fault);
        CheckMethod(client, faults);
        CheckGrants(client, faults);
        CheckUris("redirect_uris", client.RedirectUris, faults);
        CheckUris("post_logout_redirect_uris", client.PostLogoutRedirectUris, faults);
        if (client.Scopes.Length > MaxScopes || client.Scopes.Any(scope => scope.Length > MaxScopeLength || !IsScope(scope)))
            faults.Add("scope", $"A scope has at most {MaxScopeLength} ASCII characters without quotes and backslashes (RFC 6749 section 3.3); at most {MaxScopes} of them.");
        CheckAudiences("identity_audiences", client.IdentityAudiences, faults);
        CheckAudiences("exchange_audiences", client.ExchangeAudiences, faults);
        CheckLife("refresh_token_lifetime", client.RefreshTokenLifetimeSeconds, faults);
        CheckLife("session_lifetime", client.SessionLifetimeSeconds, faults);
        if (client.SessionLifetimeSeconds < client.RefreshTokenLifetimeSeconds) faults.Add("session_lifetime", "This must not be below refresh_token_lifetime.");
    }

    private static void CheckMethod(Client client, Faults faults)
    {
        if (!AuthMethods.Contains(client.TokenEndpointAuthMethod))
            faults.Add("token_endpoint_auth_method", $"This must be one of {string.Join(", ", AuthMethods)}.");
        if (client.TokenEndpointAuthMethod == PrivateKeyJwt && client.Jwks is null) faults.Add("jwks", "A client of private_key_jwt needs its public keys.");
        if (client.TokenEndpointAuthMethod != PrivateKeyJwt && client.Jwks is not null) faults.Add("jwks", "Only clients of private_key_jwt have keys.");
        if (client.Jwks is not null && ClientKeys.Fault(client.Jwks) is { } fault) faults.Add("jwks", fault);
    }

    private static void CheckGrants(Client client, Faults faults)
    {
        if (client.GrantTypes.FirstOrDefault(grant => !GrantTypes.All.Contains(grant)) is not null)
            faults.Add("grant_types", $"Each must be one of {string.Join(", ", GrantTypes.All)}.");
        var isPublic = client.TokenEndpointAuthMethod == ClientAuthentication.None;
        if (isPublic && client.GrantTypes.Any(grant => grant is GrantTypes.ClientCredentials or GrantTypes.TokenExchange))
            faults.Add("grant_types", "client_credentials and token exchange are for clients that authenticate.");
        if (client.GrantTypes.Contains(GrantTypes.RefreshToken) && !client.GrantTypes.Any(grant => grant is GrantTypes.AuthorizationCode or GrantTypes.Password))
            faults.Add("grant_types", "refresh_token needs authorization_code or password beside it.");
        if (client.GrantTypes.Contains(GrantTypes.AuthorizationCode) && client.RedirectUris.Length == 0)
            faults.Add("redirect_uris", "authorization_code needs at least one.");
        if (!client.GrantTypes.Contains(GrantTypes.AuthorizationCode) && client.RedirectUris.Length > 0)
            faults.Add("redirect_uris", "Only clients of authorization_code have redirect URIs.");
        if (client.ExchangeAudiences.Length + client.IdentityAudiences.Length > 0 && !client.GrantTypes.Contains(GrantTypes.TokenExchange))
            faults.Add("grant_types", "Audiences for exchange need the grant type of token exchange.");
    }

    private static void CheckUris(string member, string[] uris, Faults faults)
    {
        if (uris.Length > MaxUris) faults.Add(member, $"At most {MaxUris}.");
        foreach (var uri in uris.Take(MaxUris))
        {
            if (RedirectUris.Fault(uri) is { } fault) faults.Add(member, $"Each {fault}");
        }
    }

    private static void CheckAudiences(string member, string[] audiences, Faults faults)
    {
        if (audiences.Length > MaxAudiences || audiences.Any(audience => audience.Length is 0 or > MaxAudienceLength || audience.Any(c => c is <= ' ' or >= '\u007f')))
            faults.Add(member, $"Each has 1 to {MaxAudienceLength} ASCII characters without blanks; at most {MaxAudiences} of them.");
    }

    private static void CheckLife(string member, long? seconds, Faults faults)
    {
        if (seconds is < ShortestLife or > LongestLife) faults.Add(member, $"This must be a number of seconds from {ShortestLife} to {LongestLife}, or null.");
    }

    /// <summary>RFC 6749 section 3.3: %x21 / %x23-5B / %x5D-7E.</summary>
    private static bool IsScope(string scope) => scope.All(c => c is '!' or (>= '#' and <= '[') or (>= ']' and <= '~'));
}
