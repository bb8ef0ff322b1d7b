using System.Text.Json;
using Gateway.Forwarding;
using Gateway.RateLimiting;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;

namespace Gateway.Routing;

/// <summary>
/// What the gateway adds to one YARP route, prepared when its endpoint is built. Everything comes from the route's own
/// configuration, into which <see cref="RouteResolver"/> has written the policies it names, so that a route and its policies
/// always change together.
/// </summary>
internal sealed class GatewayRoute(RouteConfig config)
{
    /// <summary>The cluster whose pages set the <c>gwid_</c> cookies; every other one never sees them.</summary>
    public const string AuthServiceCluster = "auth-service";

    private HeaderBoundary? _boundary;

    public string RouteId { get; } = config.RouteId;

    public RoutePolicy Policy { get; } = RoutePolicy.Of(Read<PolicyDefinition>(config, RouteMetadata.ResolvedPolicy)
        ?? throw new InvalidOperationException($"Route '{config.RouteId}' has no resolved policy."));

    public CorsRule? Cors { get; } = Read<CorsDefinition>(config, RouteMetadata.ResolvedCors) is { } cors ? new CorsRule(cors) : null;

    /// <summary>How many requests pass; null for any number.</summary>
    public RateLimitDefinition? RateLimit { get; } = Read<RateLimitDefinition>(config, RouteMetadata.ResolvedRateLimit);

    public ForwardingRules Forwarding { get; } = ForwardingRules.Of(config.Metadata);

    /// <summary><c>aud</c> of the identity tokens that the route's backends get.</summary>
    public string Audience { get; } = config.ClusterId ?? "";

    /// <summary>Whether the route goes on while the revocation state is not known.</summary>
    public bool AdmitsUnknownRevocation { get; } = config.Metadata?.GetValueOrDefault(RouteMetadata.WhenRevocationUnknown) == "admit";

    /// <summary>Whether the route's backend owns the sign-in cookies.</summary>
    public bool IsAuthService { get; } = string.Equals(config.ClusterId, AuthServiceCluster, StringComparison.OrdinalIgnoreCase);

    /// <summary>The route of an endpoint; null if it is none of the gateway's.</summary>
    /// <remarks>
    /// It is looked for where <see cref="RoutingServices"/> put it, behind all other metadata. The general look-up keeps a table
    /// for each endpoint, and those of a thousand routes leave no room in the processor's cache.
    /// </remarks>
    public static GatewayRoute? Of(Endpoint? endpoint)
    {
        if (endpoint?.Metadata is not { Count: > 0 } metadata) return null;
        return metadata[^1] as GatewayRoute ?? metadata.GetMetadata<GatewayRoute>();
    }

    /// <summary>The boundary around the route's transforms. They change with the route's configuration, and so does this.</summary>
    public HeaderBoundary Boundary(HttpTransformer transforms, TrustedProxies proxies, IdentityTokens tokens, TraceContext trace)
    {
        var boundary = _boundary;
        if (boundary?.Transforms != transforms) _boundary = boundary = new HeaderBoundary(transforms, this, proxies, tokens, trace);
        return boundary;
    }

    private static T? Read<T>(RouteConfig config, string key) where T : class =>
        config.Metadata?.GetValueOrDefault(key) is { } json ? JsonSerializer.Deserialize<T>(json) : null;
}
