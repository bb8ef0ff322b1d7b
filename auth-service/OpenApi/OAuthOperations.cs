using Microsoft.OpenApi;
using static AuthService.OpenApi.Schemas;

namespace AuthService.OpenApi;

/// <summary>OAuth 2.0 as far as programs speak it; the pages of authorization and logout are for browsers.</summary>
internal static class OAuthOperations
{
    private const string Tag = "OAuth 2.0";

    private static readonly string[] Form = ["application/x-www-form-urlencoded"];

    /// <summary>RFC 6749 section 5.2.</summary>
    private static OpenApiSchema Error => Object(("error", Text), ("error_description?", Text));

    private static OpenApiSchema Token => Object(
        ("access_token", Text), ("token_type", Text), ("expires_in", Number), ("scope?", Text), ("refresh_token?", Text), ("id_token?", Text), ("issued_token_type?", Text));

    public static IEnumerable<ApiOperation> All =>
    [
        new("POST", "/connect/token", "Gives tokens (RFC 6749, RFC 8693).", Tag)
        {
            Body = Map(Text),
            BodyTypes = Form,
            Answers = [new(200, Token), new(400, Error), new(401, Error), new(413, Error), .. Problems.Of(429, 503)],
        },
        new("POST", "/connect/revocation", "Revokes a token (RFC 7009).", Tag)
        {
            Body = Map(Text),
            BodyTypes = Form,
            Answers = [new(200, null), new(400, Error), new(401, Error), new(413, Error), .. Problems.Of(429, 503)],
        },
        new("POST", "/connect/introspect", "Says what a token is good for now (RFC 7662).", Tag)
        {
            Body = Map(Text),
            BodyTypes = Form,
            Answers = [new(200, Map(new OpenApiSchema())), new(400, Error), new(401, Error), new(413, Error), .. Problems.Of(429, 503)],
        },
        UserInfo("GET"),
        UserInfo("POST"),
        Document("/.well-known/openid-configuration", "OpenID Connect Discovery 1.0.", Map(new OpenApiSchema())),
        Document("/.well-known/oauth-authorization-server", "RFC 8414.", Map(new OpenApiSchema())),
        Document("/.well-known/jwks.json", "The keys that verify tokens (RFC 7517).", Object(("keys", List(Map(new OpenApiSchema())))), "application/jwk-set+json"),
    ];

    private static ApiOperation UserInfo(string method) => new(method, "/connect/userinfo", "The user of an access token with the scope openid (OpenID Connect Core 1.0 section 5.3).", Tag)
    {
        Bearer = true,
        Answers = [new(200, Object(("sub", Text), ("name?", Text), ("preferred_username?", Text), ("email?", Text), ("email_verified?", Flag))), .. Problems.Of(400, 401, 403, 503)],
    };

    private static ApiOperation Document(string path, string summary, OpenApiSchema schema, string mediaType = "application/json") => new("GET", path, summary, Tag)
    {
        Answers = [new(200, schema, mediaType), .. Problems.Of(503)],
    };
}
