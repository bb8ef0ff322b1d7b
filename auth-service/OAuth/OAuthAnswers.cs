using System.Text.Json;
using ServiceHosting;

namespace AuthService.OAuth;

/// <summary>A refusal of the token endpoint (RFC 6749 section 5.2).</summary>
/// <param name="Error">One of the registered codes.</param>
/// <param name="Description">For the developer of the client. ASCII without quotes; holds nothing that a client sent.</param>
internal sealed record OAuthRefusal(string Error, string Description, int Status = StatusCodes.Status400BadRequest)
{
    public static OAuthRefusal InvalidRequest(string description) => new("invalid_request", description);

    /// <summary>The status and challenge are the same whatever was wrong, and however the client tried to authenticate.</summary>
    public static OAuthRefusal InvalidClient(string description) => new("invalid_client", description, StatusCodes.Status401Unauthorized);

    public static OAuthRefusal InvalidGrant(string description) => new("invalid_grant", description);

    public static OAuthRefusal UnauthorizedClient(string description) => new("unauthorized_client", description);

    public static OAuthRefusal UnsupportedGrantType(string description) => new("unsupported_grant_type", description);

    public static OAuthRefusal InvalidScope(string description) => new("invalid_scope", description);

    /// <summary>RFC 8693 section 2.2.2.</summary>
    public static OAuthRefusal InvalidTarget(string description) => new("invalid_target", description);

    public static OAuthRefusal TooLarge { get; } = new("invalid_request", "The request is too large.", StatusCodes.Status413PayloadTooLarge);
}

/// <summary>A token that the token endpoint gives.</summary>
/// <param name="Scope">What the token is good for, which may be less than was asked for.</param>
/// <param name="IssuedTokenType">RFC 8693 section 2.2.1; null for other grants.</param>
/// <param name="RefreshToken">Null for a client that may not refresh.</param>
/// <param name="IdToken">Null without the scope <c>openid</c>.</param>
internal sealed record GrantedToken(
    string AccessToken, long ExpiresInSeconds, string Scope, string? IssuedTokenType = null, string? RefreshToken = null, string? IdToken = null)
{
    /// <summary>Without the token, which a record would print.</summary>
    public override string ToString() => $"[redacted], {ExpiresInSeconds} s, {Scope}";
}

/// <summary>What a grant comes to: a token or a refusal.</summary>
internal readonly record struct GrantOutcome(GrantedToken? Token, OAuthRefusal? Refusal)
{
    public static implicit operator GrantOutcome(GrantedToken token) => new(token, null);

    public static implicit operator GrantOutcome(OAuthRefusal refusal) => new(null, refusal);
}

/// <summary>Writes the answers of RFC 6749 sections 5.1 and 5.2.</summary>
internal static class OAuthAnswers
{
    private const string Challenge = "Basic realm=\"gateway\", charset=\"UTF-8\"";

    public static Task WriteAsync(HttpContext context, GrantOutcome outcome) =>
        outcome.Token is { } token ? WriteAsync(context, StatusCodes.Status200OK, Body(token)) : RefuseAsync(context, outcome.Refusal!);

    public static Task RefuseAsync(HttpContext context, OAuthRefusal refusal)
    {
        RequestReason.Set(context, refusal.Error);
        if (refusal.Status == StatusCodes.Status401Unauthorized) context.Response.Headers.WWWAuthenticate = Challenge;
        return WriteAsync(context, refusal.Status, new Dictionary<string, object> { ["error"] = refusal.Error, ["error_description"] = refusal.Description });
    }

    private static Dictionary<string, object> Body(GrantedToken token)
    {
        var body = new Dictionary<string, object>
        {
            ["access_token"] = token.AccessToken,
            ["token_type"] = "Bearer",
            ["expires_in"] = token.ExpiresInSeconds,
        };
        if (token.IssuedTokenType is not null) body["issued_token_type"] = token.IssuedTokenType;
        if (token.RefreshToken is not null) body["refresh_token"] = token.RefreshToken;
        if (token.IdToken is not null) body["id_token"] = token.IdToken;
        // RFC 6749 section 3.3: an empty scope cannot be written.
        if (token.Scope.Length > 0) body["scope"] = token.Scope;
        return body;
    }

    public static Task WriteAsync(HttpContext context, int status, Dictionary<string, object> body)
    {
        var response = context.Response;
        var bytes = JsonSerializer.SerializeToUtf8Bytes(body);
        response.StatusCode = status;
        response.ContentType = "application/json";
        response.ContentLength = bytes.Length;
        response.Headers.CacheControl = "no-store";
        response.Headers.Pragma = "no-cache";
        return response.Body.WriteAsync(bytes, context.RequestAborted).AsTask();
    }
}
