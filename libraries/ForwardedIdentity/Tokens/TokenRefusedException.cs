namespace ForwardedIdentity.Tokens;

/// <summary>The token endpoint refused a token. <c>invalid_grant</c>: the caller's session has ended, or the caller may not
/// act any more; everything else is a fault of this service's settings.</summary>
public sealed class TokenRefusedException : HttpRequestException
{
    /// <summary>Creates the exception with the error of RFC 6749 section 5.2 and its description.</summary>
    public TokenRefusedException(string error, string? description)
        : base($"The token endpoint answered {error}{(description is null ? "" : $": {description}")}") => Error = error;

    /// <summary>The error code, such as <c>invalid_grant</c>.</summary>
    public string Error { get; }
}
