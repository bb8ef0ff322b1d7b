using System.Text.Json;
using Gateway.Forwarding;
using Gateway.Routing;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Configuration;

namespace Gateway.Tests.Routing;

public sealed class GatewayRouteTests
{
    [Fact]
    public void Route_is_found_wherever_it_stands_among_the_metadata()
    {
        var route = Route();

        Assert.Same(route, GatewayRoute.Of(Endpoint(new object(), route)));
        Assert.Same(route, GatewayRoute.Of(Endpoint(route, new object())));
        Assert.Null(GatewayRoute.Of(Endpoint(new object())));
        Assert.Null(GatewayRoute.Of(Endpoint()));
        Assert.Null(GatewayRoute.Of(null));
    }

    [Fact]
    public void Routes_that_set_nothing_share_policy_and_rules()
    {
        Assert.Same(Route().Policy, Route().Policy);
        Assert.Same(ForwardingRules.Default, Route().Forwarding);
        Assert.NotSame(ForwardingRules.Default, Route((RouteMetadata.Authorization.ToUpperInvariant(), "keep")).Forwarding);
    }

    private static GatewayRoute Route(params (string Key, string Value)[] metadata) => new(new RouteConfig
    {
        RouteId = "orders",
        ClusterId = "orders",
        Metadata = metadata.Append((Key: RouteMetadata.ResolvedPolicy, Value: JsonSerializer.Serialize(PolicyDefinition.Named(PolicyDefinition.DefaultName))))
            .ToDictionary(pair => pair.Key, pair => pair.Value, StringComparer.OrdinalIgnoreCase),
    });

    private static Endpoint Endpoint(params object[] metadata) => new(null, new EndpointMetadataCollection(metadata), null);
}
