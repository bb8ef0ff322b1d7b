using System.Text.Json;
using System.Text.Json.Nodes;
using AuthService.Users;

namespace AuthService.Administration;

/// <summary>A client as administrators see it, in the member names of RFC 7591 section 2 and section 3.2.1 where it has one.</summary>
internal sealed record ClientView(Client Client)
{
    public string Stamp => Client.ConcurrencyStamp;

    public Dictionary<string, object?> Members => new()
    {
        ["client_id"] = Client.ClientId,
        ["client_id_issued_at"] = Client.CreatedAtMs / 1000,
        ["client_name"] = Client.Name,
        ["client_uri"] = Client.ClientUri,
        ["token_endpoint_auth_method"] = Client.TokenEndpointAuthMethod,
        ["grant_types"] = Client.GrantTypes,
        ["redirect_uris"] = Client.RedirectUris,
        ["post_logout_redirect_uris"] = Client.PostLogoutRedirectUris,
        ["scope"] = string.Join(' ', Client.Scopes),
        ["jwks"] = Client.Jwks is { } jwks ? JsonNode.Parse(jwks) : null,
        ["claim_rules"] = Client.ClaimRules is { } rules ? JsonNode.Parse(rules) : null,
        ["first_party"] = Client.FirstParty,
        ["identity_audiences"] = Client.IdentityAudiences,
        ["exchange_audiences"] = Client.ExchangeAudiences,
        ["refresh_token_lifetime"] = Client.RefreshTokenLifetimeSeconds,
        ["session_lifetime"] = Client.SessionLifetimeSeconds,
        ["disabled"] = Client.Disabled,
    };
}

/// <summary>What an administrator wants of a client; what is not given stays.</summary>
internal sealed record ClientChange
{
    public Given<string> Name { get; init; }

    public Given<string?> Uri { get; init; }

    public Given<string> TokenEndpointAuthMethod { get; init; }

    public Given<IReadOnlyList<string>> GrantTypes { get; init; }

    public Given<IReadOnlyList<string>> RedirectUris { get; init; }

    public Given<IReadOnlyList<string>> PostLogoutRedirectUris { get; init; }

    /// <summary>Scopes with blanks between them.</summary>
    public Given<string> Scope { get; init; }

    public Given<JsonElement?> Jwks { get; init; }

    /// <summary>See <see cref="Claims.ClaimRules"/>; null for none.</summary>
    public Given<JsonElement?> ClaimRules { get; init; }

    public Given<bool> FirstParty { get; init; }

    public Given<IReadOnlyList<string>> IdentityAudiences { get; init; }

    public Given<IReadOnlyList<string>> ExchangeAudiences { get; init; }

    /// <summary>Seconds; null for the service's own setting.</summary>
    public Given<long?> RefreshTokenLifetime { get; init; }

    /// <summary>Seconds; null for the service's own setting.</summary>
    public Given<long?> SessionLifetime { get; init; }

    public Given<bool> Disabled { get; init; }

    /// <summary>Sets the members of a row; two spellings of one state are one state.</summary>
    public void Apply(Client client)
    {
        client.Name = Name.Or(client.Name);
        client.ClientUri = Uri.Or(client.ClientUri);
        client.TokenEndpointAuthMethod = TokenEndpointAuthMethod.Or(client.TokenEndpointAuthMethod);
        client.GrantTypes = List(GrantTypes, client.GrantTypes);
        client.RedirectUris = List(RedirectUris, client.RedirectUris);
        client.PostLogoutRedirectUris = List(PostLogoutRedirectUris, client.PostLogoutRedirectUris);
        if (Scope.IsGiven) client.Scopes = [.. Scope.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Distinct(StringComparer.Ordinal)];
        if (Jwks.IsGiven && !Same(Jwks.Value, client.Jwks)) client.Jwks = Jwks.Value?.GetRawText();
        if (ClaimRules.IsGiven && !Same(ClaimRules.Value, client.ClaimRules)) client.ClaimRules = ClaimRules.Value?.GetRawText();
        client.FirstParty = FirstParty.Or(client.FirstParty);
        client.IdentityAudiences = List(IdentityAudiences, client.IdentityAudiences);
        client.ExchangeAudiences = List(ExchangeAudiences, client.ExchangeAudiences);
        client.RefreshTokenLifetimeSeconds = RefreshTokenLifetime.Or(client.RefreshTokenLifetimeSeconds);
        client.SessionLifetimeSeconds = SessionLifetime.Or(client.SessionLifetimeSeconds);
        client.Disabled = Disabled.Or(client.Disabled);
    }

    private static bool Same(JsonElement? wanted, string? present) =>
        wanted is { } given ? present is not null && JsonNode.DeepEquals(JsonNode.Parse(given.GetRawText()), JsonNode.Parse(present)) : present is null;

    private static string[] List(Given<IReadOnlyList<string>> given, string[] present) =>
        given.IsGiven ? [.. given.Value.Distinct(StringComparer.Ordinal)] : present;
}
