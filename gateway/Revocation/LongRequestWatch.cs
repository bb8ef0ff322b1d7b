using Gateway.Authentication;
using Gateway.Routing;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Gateway.Revocation;

/// <summary>
/// Decides which requests are long: uploads by their request, WebSockets by the upgrade, downloads by the response's
/// headers. A request and response of known, small length cost two comparisons.
/// </summary>
internal static class LongRequestWatch
{
    /// <summary>Up to this many bytes a body is over before a revocation could matter: 64 KiB.</summary>
    private const long SmallBody = 64 * 1024;

    /// <summary>An answer that took longer to come may no longer be for this caller: 1 s.</summary>
    private static readonly TimeSpan LongPoll = TimeSpan.FromSeconds(1);

    /// <summary>Watches uploads and upgrades; stands behind authentication.</summary>
    public static IApplicationBuilder UseLongRequestWatch(this IApplicationBuilder app)
    {
        var requests = app.ApplicationServices.GetRequiredService<LongRequests>();
        var time = app.ApplicationServices.GetRequiredService<TimeProvider>();
        return app.Use(next => context =>
        {
            if (MayBeLong(context.Request) && CallerToWatch(context) is { } caller)
                WatchRequest(requests, time, context, caller);
            return next(context);
        });
    }

    /// <summary>
    /// What nearly no request is, by the cheapest signs: a tunnel (CONNECT with HTTP/2, <c>Connection</c> with HTTP/1.1), or an
    /// upload of unknown or large size.
    /// </summary>
    private static bool MayBeLong(HttpRequest request) =>
        request.Headers.Connection.Count > 0 || HttpMethods.IsConnect(request.Method) || HasLongBody(request);

    private static bool HasLongBody(HttpRequest request) =>
        request.ContentLength is null or > SmallBody && request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true };

    /// <summary>
    /// The auth-service's answers are short and its own affair: a logout must not be cut off by the revocation it brings about.
    /// </summary>
    private static AuthenticatedCaller? CallerToWatch(HttpContext context)
    {
        var route = GatewayRoute.Of(context.GetEndpoint());
        return route is { IsAuthService: true } ? null : RoutePolicies.CallerOf(context.Features.Get<AuthenticationOutcome>(), route);
    }

    private static void WatchRequest(LongRequests requests, TimeProvider time, HttpContext context, AuthenticatedCaller caller)
    {
        if (context.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true } connect)
        {
            var closer = new WebSocketCloser(time);
            context.Features.Set<IHttpExtendedConnectFeature>(new ClosableConnect(connect, closer));
            requests.Watch(context, caller, closer);
        }
        else if (context.Features.Get<IHttpUpgradeFeature>() is { IsUpgradableRequest: true } upgrade)
        {
            WebSocketCloser? closer = null;
            if (string.Equals(context.Request.Headers.Upgrade, "websocket", StringComparison.OrdinalIgnoreCase))
                context.Features.Set<IHttpUpgradeFeature>(new ClosableUpgrade(upgrade, closer = new WebSocketCloser(time)));
            requests.Watch(context, caller, closer);
        }
        else if (HasLongBody(context.Request))
        {
            requests.Watch(context, caller);
        }
    }

    /// <summary>Watches downloads, and keeps the late answer of a long poll from a caller whose token died meanwhile.</summary>
    internal sealed class Transforms(LongRequests requests, TimeProvider time) : ITransformProvider
    {
        public void ValidateRoute(TransformRouteValidationContext context)
        {
        }

        public void ValidateCluster(TransformClusterValidationContext context)
        {
        }

        public void Apply(TransformBuilderContext context) => context.AddResponseTransform(WatchResponse);

        private ValueTask WatchResponse(ResponseTransformContext context)
        {
            var response = context.ProxyResponse;
            if (response is null)
                return default;
            var isLong = response.Content.Headers.ContentLength is null or > SmallBody && HasBody(response, context.HttpContext);
            if ((!isLong && !RanLong(context.HttpContext)) || CallerToWatch(context.HttpContext) is not { } caller)
                return default;
            if (isLong)
                requests.Watch(context.HttpContext, caller);
            else if (requests.IsOver(caller))
                context.HttpContext.Abort();
            return default;
        }

        private bool RanLong(HttpContext context) =>
            context.Features.Get<IHttpActivityFeature>()?.Activity is not { } activity || time.GetUtcNow().UtcDateTime - activity.StartTimeUtc > LongPoll;

        private static bool HasBody(HttpResponseMessage response, HttpContext context) =>
            (int)response.StatusCode is >= 200 and not 204 and not 304 && !HttpMethods.IsHead(context.Request.Method)
            && context.Features.Get<IHttpExtendedConnectFeature>() is not { IsExtendedConnect: true };
    }
}
