using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace AuthService.Pages;

/// <summary>The one style sheet of the pages, from this assembly.</summary>
internal static class Stylesheet
{
    private static readonly byte[] Text = Read();

    private static readonly string Version = Convert.ToHexStringLower(SHA256.HashData(Text).AsSpan(0, 8));

    /// <summary>Another version has another address, so that a browser never uses an old one with new pages.</summary>
    public static string Path { get; } = $"{OAuth.OAuthPaths.Root}/pages.css?v={Version}";

    public static void MapStylesheet(this IEndpointRouteBuilder endpoints) => endpoints.MapGet($"{OAuth.OAuthPaths.Root}/pages.css", (HttpContext context) =>
    {
        // Under a version that is not ours (a replica of another one answers) it is not kept.
        context.Response.Headers.CacheControl = context.Request.Query["v"] == Version ? "public, max-age=31536000, immutable" : "no-cache";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        return Results.Bytes(Text, "text/css; charset=utf-8", entityTag: new EntityTagHeaderValue($"\"{Version}\""));
    });

    private static byte[] Read()
    {
        using var stream = typeof(Stylesheet).Assembly.GetManifestResourceStream("pages.css")!;
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
