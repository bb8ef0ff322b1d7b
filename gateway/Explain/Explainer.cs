using Gateway.Forwarding;
using Gateway.Routing;
using ServiceHosting;
using Yarp.ReverseProxy.Model;

namespace Gateway.Explain;

/// <summary>What would become of a request, and why.</summary>
/// <param name="Decision"><c>pass</c>, <c>refuse</c>, or <c>answer</c>: a preflight, or a path of the gateway's own.</param>
/// <param name="Status">The status of the gateway's answer; 200 for a request that would be forwarded.</param>
/// <param name="Code">The stable code of the refusal; null without one.</param>
/// <param name="Route">The route that was chosen; null if none was.</param>
/// <param name="Policy">Its policy.</param>
/// <param name="Because">The facts behind it, for people.</param>
internal sealed record Explanation(string Decision, int Status, string? Code, string? Route, string? Policy, IReadOnlyList<string> Because);

/// <summary>
/// Sends a request that no client sent through the very steps that decide about real ones, and looks at what they left
/// behind. Where a real one would be forwarded, its route's transforms are applied and the result is thrown away.
/// </summary>
internal sealed class Explainer(Facts facts, TrustedProxies proxies, IdentityTokens tokens, TraceContext trace, IServiceProvider services)
{
    private const string Destination = "http://explained.invalid/";

    private RequestDelegate? _decide;

    /// <summary>Takes the steps of <paramref name="decide"/>, with the endpoints that are mapped so far.</summary>
    public void UseDecisionOf(WebApplication app, Action<IApplicationBuilder> decide)
    {
        IEndpointRouteBuilder mapped = app;
        var branch = ((IApplicationBuilder)app).New();
        decide(branch);
        branch.Run(EndAsync);
        // Nothing gets as far as this; it gives the branch its endpoints.
        branch.UseEndpoints(endpoints =>
        {
            foreach (var source in mapped.DataSources) endpoints.DataSources.Add(source);
        });
        _decide = branch.Build();
    }

    public async Task<Explanation> ExplainAsync(ExplainedRequest request, CancellationToken cancellationToken)
    {
        var decide = _decide ?? throw new InvalidOperationException("The pipeline has no steps to explain.");
        var context = request.NewContext(services, cancellationToken);
        await decide(context);
        if (context.Response.StatusCode >= StatusCodes.Status400BadRequest && !context.Response.HasStarted) await ForwardingRefusals.CompleteAsync(context);

        var endpoint = context.GetEndpoint();
        var route = GatewayRoute.Of(endpoint);
        var code = context.Features.Get<RequestReason>()?.Code;
        var passes = context.Features.Get<Passed>() is not null && code is null;
        var decision = code is not null ? "refuse" : passes ? "pass" : "answer";
        return new Explanation(
            decision, context.Response.StatusCode, code, route?.RouteId, route?.Policy.Name,
            facts.About(request.NewContext(services, cancellationToken), context, route, endpoint));
    }

    /// <summary>Where a real request would leave the steps that decide.</summary>
    private async Task EndAsync(HttpContext context)
    {
        if (context.GetEndpoint() is not { } endpoint || endpoint.Metadata.GetMetadata<OwnEndpoint>() is not null) return;
        if (GatewayRoute.Of(endpoint) is not { } route || endpoint.Metadata.GetMetadata<RouteModel>() is not { } model)
        {
            // The router's own answer, such as 405.
            if (endpoint.RequestDelegate is { } answer) await answer(context);
            return;
        }

        using var message = new HttpRequestMessage();
        await route.Boundary(model.Transformer, proxies, tokens, trace).TransformRequestAsync(context, message, Destination, context.RequestAborted);
        if (context.Response.StatusCode == StatusCodes.Status200OK) context.Features.Set(Passed.Mark);
    }

    private sealed class Passed
    {
        public static readonly Passed Mark = new();
    }
}
