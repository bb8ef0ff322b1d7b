using System.Security.Claims;
using Microsoft.AspNetCore.Http.Features;

namespace SampleBackend.Endpoints;

/// <summary>What this backend received, byte for byte: for trying out, and testing, what a gateway lets through.</summary>
internal sealed record Echo(
    string Method,
    string Path,
    IReadOnlyDictionary<string, string[]> Headers,
    IReadOnlyDictionary<string, string[]> Trailers,
    IReadOnlyDictionary<string, string[]> Claims)
{
    public static async Task<Echo> ReadAsync(HttpContext context, CancellationToken cancellationToken)
    {
        // Trailers come after the body.
        await context.Request.Body.CopyToAsync(Stream.Null, cancellationToken);
        var trailers = context.Features.Get<IHttpRequestTrailersFeature>();
        return new Echo(
            context.Request.Method,
            context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget,
            Texts(context.Request.Headers),
            Texts(trailers is { Available: true } ? trailers.Trailers : new HeaderDictionary()),
            Texts(context.User));
    }

    private static Dictionary<string, string[]> Texts(IHeaderDictionary headers) =>
        headers.ToDictionary(header => header.Key, header => header.Value.Select(value => value ?? "").ToArray());

    private static Dictionary<string, string[]> Texts(ClaimsPrincipal caller) =>
        caller.Claims.GroupBy(claim => claim.Type).ToDictionary(group => group.Key, group => group.Select(claim => claim.Value).ToArray());
}

internal static class EchoEndpoints
{
    public static void MapEcho(this WebApplication app)
    {
        app.Map("/echo/{**path}", Echo.ReadAsync);
        app.Map("/public/echo/{**path}", Echo.ReadAsync).AllowAnonymous();
    }
}
