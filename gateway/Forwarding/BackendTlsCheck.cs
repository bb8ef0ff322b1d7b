using ServiceHosting;
using Yarp.ReverseProxy.Configuration;

namespace Gateway.Forwarding;

/// <summary>
/// Judges the <see cref="BackendTls"/> of clusters before YARP uses them, at start and at each reload. YARP keeps its running
/// configuration when a filter throws.
/// </summary>
internal sealed class BackendTlsCheck(IServiceProvider services) : IProxyConfigFilter, IConfigurationCheck
{
    public ValueTask<ClusterConfig> ConfigureClusterAsync(ClusterConfig cluster, CancellationToken cancel)
    {
        var problems = BackendTls.FindProblems(cluster).ToList();
        return problems.Count == 0 ? new(cluster) : throw new InvalidOperationException(string.Join(" ", problems));
    }

    public ValueTask<RouteConfig> ConfigureRouteAsync(RouteConfig route, ClusterConfig? cluster, CancellationToken cancel) => new(route);

    public IEnumerable<string> FindProblems() =>
        services.GetServices<IProxyConfigProvider>().SelectMany(provider => provider.GetConfig().Clusters).SelectMany(BackendTls.FindProblems);
}
