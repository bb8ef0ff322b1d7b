using Gateway.Authentication;
using Gateway.Diagnostics;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Cors.Infrastructure;

namespace Gateway.Routing;

/// <summary>
/// Decides by the policy of the chosen route whether the caller may pass. An endpoint without a policy is for signed-in
/// callers, whoever added it.
/// </summary>
internal sealed class RoutePolicies(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint() is not { } endpoint) return context.RefuseAsync(Reason.RouteNotFound);
        RoutePolicy policy;
        if (GatewayRoute.Of(endpoint) is { } route)
        {
            if (OwnPaths.Contain(context.Request.Path)) return context.RefuseAsync(Reason.RouteNotFound);
            policy = route.Policy;
        }
        else
        {
            if (endpoint.Metadata.GetMetadata<OwnEndpoint>() is not null) return next(context);
            if (endpoint.Metadata.Any(static item => item is IAuthorizeData or ICorsMetadata or IAntiforgeryMetadata))
                throw new InvalidOperationException($"{endpoint.DisplayName} has a policy of ASP.NET Core, which the gateway does not apply. Give it a RoutePolicy.");
            // The router's own answer, such as 405, is no route.
            if (endpoint is not RouteEndpoint) return next(context);
            policy = endpoint.Metadata.GetMetadata<RoutePolicy>() ?? RoutePolicy.SignedIn;
            route = null;
        }

        return FindRefusal(context, policy, route) is { } reason ? RefuseAsync(context, reason, policy) : next(context);
    }

    /// <summary>Answers with a refusal under <paramref name="policy"/>.</summary>
    public static Task RefuseAsync(HttpContext context, Reason reason, RoutePolicy policy) =>
        context.RefuseAsync(reason, reason == Reason.InsufficientScope ? policy.RequiredScopes : null);

    /// <summary>Why the caller may not pass <paramref name="policy"/>; null if it may.</summary>
    public static Reason? FindRefusal(HttpContext context, RoutePolicy policy, GatewayRoute? route)
    {
        var outcome = context.Features.Get<AuthenticationOutcome>() ?? AuthenticationOutcome.Missing;
        if (!policy.AllowsAnonymous)
        {
            if (CallerOf(outcome, route) is not { } caller) return outcome.Refusal ?? Reason.TokenMissing;
            if (!policy.Admits(caller)) return Reason.InsufficientScope;
        }

        // Browsers let any site open a WebSocket (RFC 6455 section 10.2), and one whose token is a sub-protocol comes from a
        // script: its origin must be one that the route allows.
        if (outcome.Source != TokenSource.WebSocketProtocol) return null;
        var origin = context.Request.Headers.Origin;
        return origin.Count == 1 && route?.Cors?.Allows(origin) == true ? null : Reason.OriginNotAllowed;
    }

    /// <summary>The caller as the route sees it: some go on while the revocation state is not known.</summary>
    public static AuthenticatedCaller? CallerOf(AuthenticationOutcome? outcome, GatewayRoute? route) =>
        route?.AdmitsUnknownRevocation == true ? outcome?.CallerWithoutRevocation : outcome?.Caller;
}
