using System.Text.Json;
using Gateway.Forwarding;
using ServiceHosting;
using Yarp.ReverseProxy.Configuration;

namespace Gateway.Routing;

/// <summary>
/// Judges routes before YARP uses them, at start and at each reload, and writes the policies they name into them. YARP keeps
/// its running configuration when a filter throws.
/// </summary>
internal sealed class RouteResolver(IConfiguration configuration, IServiceProvider services) : IProxyConfigFilter, IConfigurationCheck
{
    /// <summary>HTTP/1.1 unless a cluster says otherwise: one connection per request in flight, no head-of-line blocking.</summary>
    public ValueTask<ClusterConfig> ConfigureClusterAsync(ClusterConfig cluster, CancellationToken cancel) =>
        new(cluster.HttpRequest?.Version is not null
            ? cluster
            : cluster with { HttpRequest = (cluster.HttpRequest ?? new()) with { Version = new Version(1, 1) } });

    public ValueTask<RouteConfig> ConfigureRouteAsync(RouteConfig route, ClusterConfig? cluster, CancellationToken cancel)
    {
        var settings = new RoutePolicySettings(configuration);
        var problems = settings.Problems.Concat(FindProblems(route, cluster is not null, AllRoutes(), settings)).ToList();
        if (problems.Count > 0) throw new InvalidOperationException(string.Join(" ", problems));

        var metadata = new Dictionary<string, string>(route.Metadata ?? new Dictionary<string, string>(), StringComparer.OrdinalIgnoreCase)
        {
            [RouteMetadata.ResolvedPolicy] = JsonSerializer.Serialize(settings.Policies[PolicyName(route)]),
        };
        if (route.CorsPolicy is { } cors) metadata[RouteMetadata.ResolvedCors] = JsonSerializer.Serialize(settings.Cors[cors]);
        if (route.RateLimiterPolicy is { } limit) metadata[RouteMetadata.ResolvedRateLimit] = JsonSerializer.Serialize(settings.RateLimits[limit]);
        // One mechanism decides: ASP.NET Core's authorization, CORS and rate limiting services are told nothing. All routes to a
        // cluster share its name, which is compared at each request.
        return new(route with { ClusterId = cluster!.ClusterId, AuthorizationPolicy = null, CorsPolicy = null, RateLimiterPolicy = null, Metadata = metadata });
    }

    /// <summary>Everything that is wrong with the routes as configured now, one text each.</summary>
    public IEnumerable<string> FindProblems()
    {
        var settings = new RoutePolicySettings(configuration);
        var configs = Providers().Select(provider => provider.GetConfig()).ToList();
        var clusters = configs.SelectMany(config => config.Clusters).Select(cluster => cluster.ClusterId).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var routes = configs.SelectMany(config => config.Routes).ToList();
        return settings.Problems.Concat(routes.SelectMany(route =>
            FindProblems(route, route.ClusterId is not null && clusters.Contains(route.ClusterId), routes, settings)));
    }

    private static IEnumerable<string> FindProblems(
        RouteConfig route, bool clusterExists, IReadOnlyList<RouteConfig> routes, RoutePolicySettings settings)
    {
        var key = $"ReverseProxy:Routes:{route.RouteId}";
        if (!settings.Policies.ContainsKey(PolicyName(route)))
            yield return $"{key}:AuthorizationPolicy: route '{route.RouteId}' names the unknown policy '{route.AuthorizationPolicy}'.";
        if (!clusterExists)
            yield return $"{key}:ClusterId: route '{route.RouteId}' names the unknown cluster '{route.ClusterId}'.";
        if (route.CorsPolicy is { } cors && !settings.Cors.ContainsKey(cors))
            yield return $"{key}:CorsPolicy: route '{route.RouteId}' names the unknown CORS policy '{cors}'.";
        if (route.RateLimiterPolicy is { } limit && !settings.RateLimits.ContainsKey(limit))
            yield return $"{key}:RateLimiterPolicy: route '{route.RouteId}' names the unknown rate limit '{limit}'.";
        if (OwnPaths.ClaimedBy(route.Match.Path) is { } own)
            yield return $"{key}:Match:Path: route '{route.RouteId}' claims '{own}', which is the gateway's own.";
        if (DependsOnHeaders(route) && !routes.Any(other => IsUnconditionalTwin(other, route)))
        {
            yield return $"{key}:Match: route '{route.RouteId}' is chosen by headers or the query. It needs a second route without "
                + "them, of the same path, hosts, methods, order and policy, so that no header decides which policy applies.";
        }

        foreach (var name in route.Metadata?.Keys.Where(name =>
            name.StartsWith(RouteMetadata.Prefix, StringComparison.OrdinalIgnoreCase) && !RouteMetadata.Known.Contains(name)) ?? [])
        {
            yield return $"{key}:Metadata:{name}: is not a setting; known are {string.Join(", ", RouteMetadata.Known)}.";
        }

        if (route.Metadata?.GetValueOrDefault(RouteMetadata.WhenRevocationUnknown) is not (null or "admit" or "refuse") and var choice)
            yield return $"{key}:Metadata:{RouteMetadata.WhenRevocationUnknown}: '{choice}' is neither 'admit' nor 'refuse'.";

        var problems = new List<string>();
        ForwardingRules.Read(route.Metadata, problems);
        foreach (var problem in problems) yield return $"{key}:Metadata:{problem}";
    }

    private static bool DependsOnHeaders(RouteConfig route) =>
        route.Match is { Headers.Count: > 0 } or { QueryParameters.Count: > 0 };

    private static bool IsUnconditionalTwin(RouteConfig other, RouteConfig route) =>
        !DependsOnHeaders(other)
        && string.Equals(other.Match.Path, route.Match.Path, StringComparison.OrdinalIgnoreCase)
        && Same(other.Match.Hosts, route.Match.Hosts)
        && Same(other.Match.Methods, route.Match.Methods)
        && other.Order == route.Order
        && PolicyName(other).Equals(PolicyName(route), StringComparison.OrdinalIgnoreCase);

    private static bool Same(IReadOnlyList<string>? one, IReadOnlyList<string>? two) =>
        (one ?? []).ToHashSet(StringComparer.OrdinalIgnoreCase).SetEquals(two ?? []);

    private static string PolicyName(RouteConfig route) =>
        string.IsNullOrEmpty(route.AuthorizationPolicy) ? PolicyDefinition.DefaultName : route.AuthorizationPolicy;

    private List<RouteConfig> AllRoutes() => [.. Providers().SelectMany(provider => provider.GetConfig().Routes)];

    private IEnumerable<IProxyConfigProvider> Providers() => services.GetServices<IProxyConfigProvider>();
}
