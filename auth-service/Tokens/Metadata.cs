using System.Text.Json;
using AuthService.OAuth;
using AuthService.OAuth.Clients;
using AuthService.OAuth.Grants;
using AuthService.SigningKeys;
using Microsoft.Extensions.Options;

namespace AuthService.Tokens;

/// <summary>The public documents by which verifiers and clients find their way.</summary>
internal static class Metadata
{
    /// <summary>Long enough to spare the service, short enough that a key announced now is known before it signs
    /// (<see cref="SigningKeyOptions.AnnouncePeriod"/>).</summary>
    private const string CacheControl = "public, max-age=15";

    public static void MapMetadata(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/.well-known/jwks.json", (SigningKeySet keys) => Document(keys.Jwks, "application/jwk-set+json"));
        // OpenID Connect Discovery 1.0 section 4 and RFC 8414 section 3 name one document each; what is true is true in both.
        endpoints.MapGet("/.well-known/openid-configuration", (IOptions<AuthServiceOptions> options) => Document(Describe(options.Value), "application/json"));
        endpoints.MapGet("/.well-known/oauth-authorization-server", (IOptions<AuthServiceOptions> options) => Document(Describe(options.Value), "application/json"));
    }

    /// <summary>Says what the service does. The response types are empty, not absent: RFC 8414 section 2 requires them.</summary>
    private static byte[] Describe(AuthServiceOptions options) => JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
    {
        ["issuer"] = options.Issuer,
        ["jwks_uri"] = options.Issuer + "/.well-known/jwks.json",
        ["response_types_supported"] = Array.Empty<string>(),
        ["token_endpoint"] = options.Issuer + OAuthPaths.Token,
        ["grant_types_supported"] = GrantTypes.All,
        ["token_endpoint_auth_methods_supported"] = ClientAuthentication.Methods,
    });

    private static DocumentResult Document(ReadOnlyMemory<byte> utf8, string contentType) => new(utf8, contentType);

    private sealed class DocumentResult(ReadOnlyMemory<byte> utf8, string contentType) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.ContentType = contentType;
            httpContext.Response.ContentLength = utf8.Length;
            httpContext.Response.Headers.CacheControl = CacheControl;
            await httpContext.Response.Body.WriteAsync(utf8, httpContext.RequestAborted);
        }
    }
}
