using Gateway.Authentication;
using Gateway.Diagnostics;
using Gateway.Forwarding;
using Gateway.Routing;
using Microsoft.Extensions.Options;

namespace Gateway.ForwardAuth;

/// <summary>
/// Answers another proxy (nginx <c>auth_request</c>, Traefik ForwardAuth, Envoy ext_authz over HTTP) whether a request may
/// pass: with the path rules, route, policy and identity with which the gateway itself would have taken it.
/// </summary>
internal sealed class VerifyEndpoint(
    TrustedProxies proxies, RouteFinder routes, AskedMethods methods, VerifyPolicy defaultPolicy, IdentityTokens tokens, IOptions<PathOptions> paths)
{
    public const string Path = "/verify";

    private readonly string[] _encodedSlashPrefixes = [.. paths.Value.AllowEncodedSlashes];

    public async Task AnswerAsync(HttpContext context)
    {
        if (!proxies.Contain(context.Connection.RemoteIpAddress))
        {
            await context.RefuseAsync(Reason.VerifyUntrustedPeer);
            return;
        }

        if (AskedRequest.TryRead(context.Request, _encodedSlashPrefixes, out var asked) is { } malformed)
        {
            await context.RefuseAsync(malformed);
            return;
        }

        if (asked.Path is null)
        {
            if (defaultPolicy.Current is not { } policy) await context.RefuseAsync(Reason.VerifyNoRoute);
            else if (RoutePolicies.FindRefusal(context, policy, route: null) is { } refusal) await RoutePolicies.RefuseAsync(context, refusal, policy);
            else await AdmitAsync(context, route: null);
            return;
        }

        await DecideAsync(context, asked.Path, asked.Method);
    }

    private async Task DecideAsync(HttpContext context, string path, string? method)
    {
        GatewayRoute? admitted = null;
        foreach (var candidate in method is null ? methods.All : [method])
        {
            if (OwnPaths.Contain(PathString.FromUriComponent(path)) || await routes.FindAsync(context, path, candidate) is not { } route) continue;
            if (RoutePolicies.FindRefusal(context, route.Policy, route) is { } refusal)
            {
                await RoutePolicies.RefuseAsync(context, refusal, route.Policy);
                return;
            }

            admitted ??= route;
        }

        if (admitted is null) await context.RefuseAsync(Reason.VerifyNoRoute);
        else await AdmitAsync(context, admitted);
    }

    /// <summary>200 with the headers that the route's own backend would get, the token under the audience of such answers.</summary>
    private Task AdmitAsync(HttpContext context, GatewayRoute? route)
    {
        var headers = context.Response.Headers;
        headers.CacheControl = "no-store";
        if (RoutePolicies.CallerOf(context.Features.Get<AuthenticationOutcome>(), route) is not { } caller) return Task.CompletedTask;

        var rules = route?.Forwarding ?? ForwardingRules.Default;
        var identity = IdentityHeaders.Of(caller);
        if (identity.AddTo(new AnswerHeaders(headers), rules, tokens.VerifyAudience, tokens) is not { } refusal) return Task.CompletedTask;
        headers.Clear();
        return identity.RefuseAsync(context, refusal, rules);
    }
}
