using Gateway.Diagnostics;
using Yarp.ReverseProxy.Forwarder;

namespace Gateway.Routing;

/// <summary>The refusals of the router and of YARP, which have a status and nothing else.</summary>
internal static class ForwardingRefusals
{
    /// <summary>Gives an answer of status 400 or more that has not started a problem body. One of a backend stays as it is.</summary>
    public static Task CompleteAsync(HttpContext context)
    {
        var status = context.Response.StatusCode;
        Reason? reason = context.Features.Get<IForwarderErrorFeature>()?.Error switch
        {
            null => status == StatusCodes.Status405MethodNotAllowed && GatewayRoute.Of(context.GetEndpoint()) is null ? Reason.MethodNotAllowed : null,
            _ => status switch
            {
                // The body: broken off, or longer than the route takes.
                StatusCodes.Status400BadRequest => Reason.RequestMalformed,
                StatusCodes.Status413PayloadTooLarge => Reason.BodyTooLarge,
                StatusCodes.Status502BadGateway => Reason.UpstreamFailed,
                StatusCodes.Status503ServiceUnavailable => Reason.UpstreamUnavailable,
                StatusCodes.Status504GatewayTimeout => Reason.UpstreamTimeout,
                _ => null,
            },
        };
        return reason is null ? Task.CompletedTask : context.RefuseAsync(reason);
    }
}
