namespace Gateway.Routing;

/// <summary>
/// CORS of the routes that have a <c>CorsPolicy</c>: preflights are answered here, without a token, and every other answer,
/// refusals too, gets the route's headers. It runs before the token is looked at.
/// </summary>
internal sealed class RouteCors(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context)
    {
        if (GatewayRoute.Of(context.GetEndpoint())?.Cors is not { } cors) return next(context);

        var headers = context.Request.Headers;
        if (HttpMethods.IsOptions(context.Request.Method) && headers.Origin.Count == 1 && headers.AccessControlRequestMethod.Count > 0)
        {
            cors.AnswerPreflight(context, headers.Origin!);
            return Task.CompletedTask;
        }

        context.Response.OnStarting(() =>
        {
            cors.Apply(context.Response, context.Request.Headers.Origin);
            return Task.CompletedTask;
        });
        return next(context);
    }
}
