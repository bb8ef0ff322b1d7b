using Yarp.ReverseProxy;

namespace Gateway.ForwardAuth;

/// <summary>
/// The methods between which any route tells a difference, and one between which none does: what holds for them holds for
/// every method.
/// </summary>
internal sealed class AskedMethods(IProxyStateLookup proxy)
{
    private const string AnyOther = "OTHER";

    public IEnumerable<string> All =>
        proxy.GetRoutes().SelectMany(route => route.Config.Match.Methods ?? []).Append(AnyOther).Distinct(StringComparer.OrdinalIgnoreCase);
}
