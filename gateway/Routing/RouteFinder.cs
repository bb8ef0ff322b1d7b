using Microsoft.AspNetCore.Http.Features;

namespace Gateway.Routing;

/// <summary>Which route a request would take, asked of the router itself and so never of a second opinion.</summary>
internal sealed class RouteFinder
{
    private RequestDelegate? _routing;

    /// <summary>Takes the endpoints that are mapped so far, and what becomes of them when configuration changes.</summary>
    public void UseRoutingOf(WebApplication app)
    {
        IEndpointRouteBuilder mapped = app;
        var branch = ((IApplicationBuilder)app).New();
        branch.UseRouting();
        branch.Run(_ => Task.CompletedTask);
        // Nothing gets as far as this; it gives the branch its endpoints.
        branch.UseEndpoints(endpoints =>
        {
            foreach (var source in mapped.DataSources) endpoints.DataSources.Add(source);
        });
        _routing = branch.Build();
    }

    /// <summary>The route of the same request at another raw path, and with another method if one is given; null if there is none.</summary>
    public async ValueTask<GatewayRoute?> FindAsync(HttpContext context, string rawPath, string? method = null)
    {
        var routing = _routing ?? throw new InvalidOperationException("The pipeline has no routes.");
        var features = new FeatureCollection();
        features.Set<IHttpRequestFeature>(new HttpRequestFeature
        {
            Method = method ?? context.Request.Method,
            Scheme = context.Request.Scheme,
            Protocol = context.Request.Protocol,
            Path = PathString.FromUriComponent(rawPath).Value!,
            QueryString = context.Request.QueryString.Value ?? "",
            Headers = context.Request.Headers,
            RawTarget = rawPath,
        });
        features.Set<IHttpResponseFeature>(new HttpResponseFeature());
        var probe = new DefaultHttpContext(features) { RequestServices = context.RequestServices, RequestAborted = context.RequestAborted };
        await routing(probe);
        return GatewayRoute.Of(probe.GetEndpoint());
    }
}
