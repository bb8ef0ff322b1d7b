using Gateway.Routing;
using Yarp.ReverseProxy.Forwarder;

namespace Gateway.Forwarding;

/// <summary>
/// Puts the <see cref="HeaderBoundary"/> around whatever YARP is about to forward, and applies the route's activity timeout.
/// </summary>
internal sealed class BoundaryForwarder(IHttpForwarder forwarder, TrustedProxies proxies, IdentityTokens tokens, TraceContext trace) : IHttpForwarder
{
    public ValueTask<ForwarderError> SendAsync(
        HttpContext context, string destinationPrefix, HttpMessageInvoker httpClient, ForwarderRequestConfig requestConfig,
        HttpTransformer transformer) =>
        SendAsync(context, destinationPrefix, httpClient, requestConfig, transformer, CancellationToken.None);

    public ValueTask<ForwarderError> SendAsync(
        HttpContext context, string destinationPrefix, HttpMessageInvoker httpClient, ForwarderRequestConfig requestConfig,
        HttpTransformer transformer, CancellationToken cancellationToken)
    {
        var route = GatewayRoute.Of(context.GetEndpoint())
            ?? throw new InvalidOperationException("Only routes of the gateway are forwarded.");
        if (route.Forwarding.ActivityTimeout is { } timeout && requestConfig.ActivityTimeout != timeout)
            requestConfig = requestConfig with { ActivityTimeout = timeout };

        return forwarder.SendAsync(
            context, destinationPrefix, httpClient, requestConfig, route.Boundary(transformer, proxies, tokens, trace), cancellationToken);
    }
}
