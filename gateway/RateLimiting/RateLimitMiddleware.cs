using System.Globalization;
using Gateway.Authentication;
using Gateway.Diagnostics;
using Gateway.Forwarding;
using Gateway.Routing;

namespace Gateway.RateLimiting;

/// <summary>
/// Refuses requests beyond the route's limit. It stands behind the route's policy: who may not pass uses up nobody's permits.
/// A request of a route without a limit costs one look at the route.
/// </summary>
internal sealed class RateLimitMiddleware(RequestDelegate next, RateLimits limits, TrustedProxies proxies)
{
    public Task InvokeAsync(HttpContext context) =>
        GatewayRoute.Of(context.GetEndpoint()) is { RateLimit: { } definition } route
            ? LimitAsync(context, route, limits.Of(definition))
            : next(context);

    private async Task LimitAsync(HttpContext context, GatewayRoute route, RateLimit limit)
    {
        using var lease = await limit.AcquireAsync(Partition(context, route, limit.Definition.PartitionBy), context.RequestAborted);
        if (lease.IsAcquired)
        {
            await next(context);
            return;
        }

        // RFC 9110 section 10.2.3: whole seconds; rounded up, or the next try would come too early.
        context.Response.Headers.RetryAfter = Math.Ceiling(limit.RetryAfter(lease).TotalSeconds).ToString(CultureInfo.InvariantCulture);
        await context.RefuseAsync(Reason.RateLimited);
    }

    /// <summary>The first letter keeps a user from being taken for a client of the same name.</summary>
    private string Partition(HttpContext context, GatewayRoute route, RateLimitPartition by)
    {
        var caller = by == RateLimitPartition.Address ? null : RoutePolicies.CallerOf(context.Features.Get<AuthenticationOutcome>(), route);
        return by switch
        {
            RateLimitPartition.User when caller is not null => $"u{caller.Subject}",
            RateLimitPartition.Client when caller?.ClientId is { } client => $"c{caller.Issuer} {client}",
            _ => $"a{ClientNetwork.Of(context, proxies)}",
        };
    }
}
