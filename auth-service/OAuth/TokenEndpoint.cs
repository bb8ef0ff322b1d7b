using AuthService.Tokens;

namespace AuthService.OAuth;

/// <summary><c>POST /connect/token</c> (RFC 6749 section 3.2).</summary>
internal static class TokenEndpoint
{
    public const string Path = "/connect/token";

    /// <summary>The grants it knows.</summary>
    public static readonly string[] GrantTypes = [ClientCredentialsGrant.GrantType, TokenExchangeGrant.GrantType];

    public static IEndpointRouteBuilder MapTokenEndpoint(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost(Path, async context => await OAuthAnswers.WriteAsync(context, await GrantAsync(context)));
        return endpoints;
    }

    private static async Task<GrantOutcome> GrantAsync(HttpContext context)
    {
        var services = context.RequestServices;
        // Before anything is read that decides about a token.
        var startMs = services.GetRequiredService<IssueClock>().Start();
        var (form, malformed) = await FormParameters.ReadAsync(context);
        if (form is null) return malformed!;
        if (form["grant_type"] is not { } grantType) return OAuthRefusal.InvalidRequest("grant_type is missing.");
        var (client, unproven) = await services.GetRequiredService<ClientAuthentication>().AuthenticateAsync(context, form);
        if (client is null) return unproven!;
        if (!GrantTypes.Contains(grantType)) return OAuthRefusal.UnsupportedGrantType("The grant type is not supported.");
        if (!client.Client.GrantTypes.Contains(grantType)) return OAuthRefusal.UnauthorizedClient("The client may not use this grant type.");
        return grantType == ClientCredentialsGrant.GrantType
            ? await services.GetRequiredService<ClientCredentialsGrant>().IssueAsync(client, form, startMs, context.RequestAborted)
            : await services.GetRequiredService<TokenExchangeGrant>().IssueAsync(client, form, startMs, context.RequestAborted);
    }
}
