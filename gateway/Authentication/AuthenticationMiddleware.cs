using Gateway.Diagnostics;

namespace Gateway.Authentication;

/// <summary>
/// Gives every request its <see cref="AuthenticationOutcome"/>. It refuses only what no route could accept; whether a
/// caller is needed is the route's to say.
/// </summary>
internal sealed class AuthenticationMiddleware(RequestDelegate next, TokenValidator validator)
{
    public Task InvokeAsync(HttpContext context)
    {
        var token = BearerToken.Find(context);
        if (token.Refusal is { } refusal) return context.RefuseAsync(refusal);
        if (token.Source == TokenSource.None)
        {
            context.Features.Set(AuthenticationOutcome.Missing);
            return next(context);
        }

        var authenticating = validator.AuthenticateAsync(token, context.RequestAborted);
        if (!authenticating.IsCompletedSuccessfully) return ContinueAsync(context, authenticating);
        context.Features.Set(authenticating.GetAwaiter().GetResult());
        return next(context);
    }

    private async Task ContinueAsync(HttpContext context, ValueTask<AuthenticationOutcome> authenticating)
    {
        context.Features.Set(await authenticating);
        await next(context);
    }
}
