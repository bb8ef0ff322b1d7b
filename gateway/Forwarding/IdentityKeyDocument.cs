using Gateway.Diagnostics;
using Gateway.Routing;

namespace Gateway.Forwarding;

/// <summary>
/// The public keys of identity tokens, as a JWK set (RFC 7517 section 5) for anybody. Meant for backends, not for browsers: no
/// CORS.
/// </summary>
internal static class IdentityKeyDocument
{
    public const string Path = "/.well-known/identity-jwks.json";

    /// <summary>Short enough that a key announced now is known long before it signs.</summary>
    private const string CacheControl = "public, max-age=60";

    public static void MapIdentityKeys(this IEndpointRouteBuilder endpoints)
    {
        var keys = endpoints.ServiceProvider.GetRequiredService<IdentityKeySet>();
        endpoints.MapOwn(Path, context => AnswerAsync(context, keys));
    }

    private static Task AnswerAsync(HttpContext context, IdentityKeySet keys)
    {
        var isHead = HttpMethods.IsHead(context.Request.Method);
        if (!isHead && !HttpMethods.IsGet(context.Request.Method))
        {
            context.Response.Headers.Allow = "GET, HEAD";
            return context.RefuseAsync(Reason.MethodNotAllowed);
        }

        if (keys.Jwks is not { } jwks) return context.RefuseAsync(Reason.IdentityKeysUnavailable);
        context.Response.ContentType = "application/jwk-set+json";
        context.Response.ContentLength = jwks.Length;
        context.Response.Headers.CacheControl = CacheControl;
        return isHead ? Task.CompletedTask : context.Response.Body.WriteAsync(jwks, context.RequestAborted).AsTask();
    }
}
