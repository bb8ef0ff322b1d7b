using Gateway.Diagnostics;
using Gateway.Routing;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Gateway.Forwarding;

/// <summary>Adds <see cref="RawTargetTransform"/> to every route, behind its configured transforms.</summary>
internal sealed class RawTargetTransformProvider(RouteFinder finder, IOptions<PathOptions> options) : ITransformProvider
{
    private readonly RawTargetTransform _transform = new(finder, [.. options.Value.AllowEncodedSlashes]);

    public void ValidateRoute(TransformRouteValidationContext context)
    {
    }

    public void ValidateCluster(TransformClusterValidationContext context)
    {
    }

    public void Apply(TransformBuilderContext context)
    {
        // The boundary sets them.
        context.UseDefaultForwarders = false;
        context.RequestTransforms.Add(_transform);
    }
}

/// <summary>
/// Sends the target as it came, byte for byte. Where the route's transforms changed the path, the result must pass the same
/// rules again, and the policy of the route that the new path would have chosen.
/// </summary>
internal sealed class RawTargetTransform(RouteFinder finder, string[] encodedSlashPrefixes) : RequestTransform
{
    private static readonly UriCreationOptions Verbatim = new() { DangerousDisablePathAndQueryCanonicalization = true };

    public override ValueTask ApplyAsync(RequestTransformContext context)
    {
        var httpContext = context.HttpContext;
        var rawTarget = httpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var query = context.Query.QueryString.Value ?? "";
        if (context.Path == httpContext.Request.Path && query == (httpContext.Request.QueryString.Value ?? ""))
        {
            SetTarget(context, rawTarget);
            return default;
        }

        return SetChangedAsync(context, RequestTarget.Split(rawTarget).Path, query);
    }

    private async ValueTask SetChangedAsync(RequestTransformContext context, string rawPath, string query)
    {
        var httpContext = context.HttpContext;
        var path = RawPath.Rewrite(rawPath, httpContext.Request.Path.Value ?? "/", context.Path.Value ?? "/");
        if (RequestTarget.Check(path + query, encodedSlashPrefixes) is { } refusal)
        {
            await httpContext.RefuseAsync(refusal);
            return;
        }

        if (path != rawPath && await finder.FindAsync(httpContext, path) is { } other
            && RoutePolicies.FindRefusal(httpContext, other.Policy, other) is { } reason)
        {
            await RoutePolicies.RefuseAsync(httpContext, reason, other.Policy);
            return;
        }

        SetTarget(context, path + query);
    }

    private static void SetTarget(RequestTransformContext context, string target) =>
        context.ProxyRequest.RequestUri = new Uri(string.Concat(context.DestinationPrefix.AsSpan().TrimEnd('/'), target), Verbatim);
}
