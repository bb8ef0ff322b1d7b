namespace AuthService.OAuth;

/// <summary>Token type identifiers, RFC 8693 section 3.</summary>
internal static class TokenTypes
{
    public const string AccessToken = "urn:ietf:params:oauth:token-type:access_token";

    /// <summary>A gateway's identity token.</summary>
    public const string Jwt = "urn:ietf:params:oauth:token-type:jwt";
}
