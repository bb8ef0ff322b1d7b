using AuthService.OAuth.Clients;
using AuthService.OAuth.Grants;
using AuthService.Sessions;
using AuthService.Tokens;
using Microsoft.Extensions.Primitives;

namespace AuthService.OAuth;

/// <summary><c>POST /connect/token</c> (RFC 6749 section 3.2).</summary>
internal static class TokenEndpoint
{
    public static IEndpointRouteBuilder MapTokenEndpoint(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost(OAuthPaths.Token, async context => await OAuthAnswers.WriteAsync(context, await GrantAsync(context)));
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
        if (services.GetServices<IGrant>().FirstOrDefault(grant => grant.GrantType == grantType) is not { } grant)
            return OAuthRefusal.UnsupportedGrantType("The grant type is not supported.");
        if (!client.Client.GrantTypes.Contains(grantType)) return OAuthRefusal.UnauthorizedClient("The client may not use this grant type.");
        var by = services.GetRequiredService<ClientAddress>().Actor(context, client.IsConfidential ? client.Client.ClientId : null);
        var agent = context.Request.Headers.UserAgent;
        var request = new GrantRequest(client, form, startMs, by, StringValues.IsNullOrEmpty(agent) ? null : agent.ToString());
        return await grant.IssueAsync(request, context.RequestAborted);
    }
}
