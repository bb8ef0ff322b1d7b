using Gateway.Routing;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Cors;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Gateway.Tests.Routing;

/// <summary>Endpoints that are no route of the configuration: somebody has added them to the gateway.</summary>
public sealed class RoutePoliciesTests
{
    public static TheoryData<object> FrameworkPolicies => [new AuthorizeAttribute("admin"), new EnableCorsAttribute(), new Antiforgery()];

    [Theory]
    [MemberData(nameof(FrameworkPolicies))]
    public async Task Endpoint_that_relies_on_a_policy_which_is_not_applied_serves_nobody(object metadata)
    {
        var context = Context(metadata);

        await Assert.ThrowsAsync<InvalidOperationException>(() => new RoutePolicies(Served).InvokeAsync(context));
    }

    [Fact]
    public async Task Endpoint_without_a_policy_is_for_signed_in_callers()
    {
        var context = Context();

        await new RoutePolicies(Served).InvokeAsync(context);

        Assert.Equal(401, context.Response.StatusCode);
    }

    private static Task Served(HttpContext context) => throw new Xunit.Sdk.XunitException("It was served.");

    private static DefaultHttpContext Context(params object[] metadata)
    {
        var context = new DefaultHttpContext();
        context.SetEndpoint(new RouteEndpoint(Served, RoutePatternFactory.Parse("/own"), 0, new EndpointMetadataCollection(metadata), "own"));
        return context;
    }

    private sealed class Antiforgery : IAntiforgeryMetadata
    {
        public bool RequiresValidation => true;
    }
}
