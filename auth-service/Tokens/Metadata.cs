using System.Text.Json;
using AuthService.OAuth;
using AuthService.OAuth.Authorization;
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

    public const string Jwks = "/.well-known/jwks.json";

    public const string OpenId = "/.well-known/openid-configuration";

    public const string OAuth = "/.well-known/oauth-authorization-server";

    private static readonly string[] ResponseTypes = ["code"];
    private static readonly string[] ResponseModes = ["query"];
    private static readonly string[] SubjectTypes = ["public"];
    private static readonly string[] ChallengeMethods = [Pkce.Method];

    public static void MapMetadata(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet(Jwks, (SigningKeySet keys) => Document(keys.Jwks, "application/jwk-set+json"));
        // OpenID Connect Discovery 1.0 section 4 and RFC 8414 section 3 name one document each; what is true is true in both.
        endpoints.MapGet(OpenId, DescribeAsync);
        endpoints.MapGet(OAuth, DescribeAsync);
    }

    private static async Task<DocumentResult> DescribeAsync(
        IOptions<AuthServiceOptions> options, SigningKeySet keys, RegisteredClients clients, CancellationToken cancellationToken) =>
        Document(Describe(options.Value.Issuer, keys, await clients.ReadAsync(cancellationToken)), "application/json");

    /// <summary>Says what the service does (RFC 8414 section 2, OpenID Connect Discovery section 3).</summary>
    private static byte[] Describe(string issuer, SigningKeySet keys, ClientSummary clients) => JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
    {
        ["issuer"] = issuer,
        ["authorization_endpoint"] = issuer + OAuthPaths.Authorize,
        ["token_endpoint"] = issuer + OAuthPaths.Token,
        ["userinfo_endpoint"] = issuer + OAuthPaths.UserInfo,
        ["end_session_endpoint"] = issuer + OAuthPaths.Logout,
        ["revocation_endpoint"] = issuer + OAuthPaths.Revocation,
        ["introspection_endpoint"] = issuer + OAuthPaths.Introspection,
        ["jwks_uri"] = issuer + Jwks,
        ["scopes_supported"] = clients.Scopes,
        ["response_types_supported"] = ResponseTypes,
        ["response_modes_supported"] = ResponseModes,
        // RFC 9700 section 2.4 forbids the password grant: it is there only if an operator has given it to a client.
        ["grant_types_supported"] = GrantTypes.All.Where(grant => grant != GrantTypes.Password || clients.Password),
        ["code_challenge_methods_supported"] = ChallengeMethods,
        ["authorization_response_iss_parameter_supported"] = true,
        ["prompt_values_supported"] = AuthorizationRequestReader.Prompts,
        ["token_endpoint_auth_methods_supported"] = ClientAuthentication.Methods,
        ["token_endpoint_auth_signing_alg_values_supported"] = ClientKeys.Algorithms,
        ["revocation_endpoint_auth_methods_supported"] = ClientAuthentication.Methods,
        ["revocation_endpoint_auth_signing_alg_values_supported"] = ClientKeys.Algorithms,
        ["introspection_endpoint_auth_methods_supported"] = ClientAuthentication.ConfidentialMethods,
        ["introspection_endpoint_auth_signing_alg_values_supported"] = ClientKeys.Algorithms,
        ["subject_types_supported"] = SubjectTypes,
        ["id_token_signing_alg_values_supported"] = keys.Published.Values.Select(key => key.Algorithm).Distinct().Order(StringComparer.Ordinal),
        ["claims_supported"] = IdTokens.Claims.Union(UserInfoEndpoint.Claims),
        ["claims_parameter_supported"] = false,
        ["request_parameter_supported"] = false,
        // The defaults of these two differ between the standards.
        ["request_uri_parameter_supported"] = false,
        ["require_request_uri_registration"] = false,
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
