using System.Reflection;

namespace Gateway.Diagnostics;

/// <summary>
/// Why the gateway refuses a request: the closed set. The code is the same in the problem body, the completion event and
/// metrics, and never changes once released.
/// </summary>
internal sealed class Reason
{
    /// <summary>Seconds after which a client may try again when the gateway could not know. Clients are told at most 5.</summary>
    private const string RetrySoon = "2";

    // The request itself.
    public static readonly Reason RequestMalformed = new("request_malformed", 400, "The request is malformed.");
    public static readonly Reason TargetForm = new("target_form", 400, "The request target must be a path, or an absolute http or https URI.");
    public static readonly Reason TargetHostMismatch = new("target_host_mismatch", 400, "The host of the request target differs from the Host header.");
    public static readonly Reason TargetFragment = new("target_fragment", 400, "The request target holds '#'.");
    public static readonly Reason PathDotSegment = new("path_dot_segment", 400, "The path has a '.' or '..' segment.");
    public static readonly Reason PathEmptySegment = new("path_empty_segment", 400, "The path has an empty segment ('//').");
    public static readonly Reason PathBackslash = new("path_backslash", 400, "The path holds a backslash.");
    public static readonly Reason PathEncodedSeparator = new("path_encoded_separator", 400, "The path holds a percent-encoded slash or backslash.");
    public static readonly Reason PathControlCharacter = new("path_control_character", 400, "The request target holds a blank or control character.");
    public static readonly Reason PathNotAscii = new("path_not_ascii", 400, "The request target holds bytes outside ASCII; percent-encode them.");
    public static readonly Reason PathPercentEncoding = new("path_percent_encoding", 400, "The path has invalid percent-encoding.");
    public static readonly Reason HeaderNameInvalid = new("header_name_invalid", 400, "A header name is not a token.");
    public static readonly Reason HeaderControlCharacter = new("header_control_character", 400, "A header value holds a control character.");
    public static readonly Reason HeaderNotAscii = new("header_not_ascii", 400, "Authorization, Host or a cookie name holds bytes outside ASCII.");
    public static readonly Reason ContentLengthConflict = new("content_length_conflict", 400, "Content-Length and Transfer-Encoding exclude each other.");
    public static readonly Reason TransferEncodingUnsupported = new("transfer_encoding_unsupported", 400, "The only transfer coding taken is chunked, once.");
    public static readonly Reason CredentialsAmbiguous = new("credentials_ambiguous", 400, "The request carries more than one credential.");
    public static readonly Reason VerifyTargetConflict = new(
        "verify_target_conflict", 400, "The asked URI or method is given more than once, and differently.");
    public static readonly Reason RouteNotFound = new("route_not_found", 404, "No route matches the request.");
    public static readonly Reason MethodNotAllowed = new("method_not_allowed", 405, "The route does not take this method.");

    public static readonly Reason BodyTooLarge = new("body_too_large", 413, "The body is larger than the route takes.");

    // The caller: 401, RFC 6750 section 3.
    public static readonly Reason TokenMissing = new("token_missing", 401, "A bearer token is required.");
    public static readonly Reason TokenMalformed = InvalidToken("token_malformed", "The token is not a well-formed access token.");
    public static readonly Reason TokenExpired = InvalidToken("token_expired", "The token has expired.");
    public static readonly Reason TokenNotYetValid = InvalidToken("token_not_yet_valid", "The token is not valid yet.");
    public static readonly Reason TokenSignatureInvalid = InvalidToken("token_signature_invalid", "The signature of the token is not valid.");
    public static readonly Reason TokenIssuerInvalid = InvalidToken("token_issuer_invalid", "The issuer of the token is not accepted.");
    public static readonly Reason TokenAudienceInvalid = InvalidToken("token_audience_invalid", "The token is meant for another audience.");
    public static readonly Reason TokenTypeInvalid = InvalidToken("token_type_invalid", "The token is not an access token.");
    public static readonly Reason TokenRevoked = InvalidToken("token_revoked", "The token has been revoked.");

    // The caller's rights: 403.
    public static readonly Reason InsufficientScope = new(
        "insufficient_scope", 403, "The caller may not do this.",
        "Bearer error=\"insufficient_scope\", error_description=\"The caller may not do this.\"");
    public static readonly Reason OriginNotAllowed = new("origin_not_allowed", 403, "The origin of the page is not allowed here.");
    public static readonly Reason IdentityTooLarge = new("identity_too_large", 403, "The caller's identity exceeds the 8 KiB of headers that backends are sent.");
    public static readonly Reason VerifyUntrustedPeer = new("verify_untrusted_peer", 403, "Only configured proxies may ask.");
    public static readonly Reason VerifyNoRoute = new("verify_no_route", 403, "No route and no default policy decides this request.");

    // Too much of it: 429. When to come again is the limit's to say.
    public static readonly Reason RateLimited = new("rate_limited", 429, "Too many requests; try again later.");

    // The gateway cannot know: 503, never 401.
    public static readonly Reason KeysUnavailable = new("keys_unavailable", 503, "The issuer's keys are not known at the moment.", retryAfter: RetrySoon);
    public static readonly Reason RevocationUnknown = new("revocation_unknown", 503, "The revocation state is not known at the moment.", retryAfter: RetrySoon);

    public static readonly Reason IdentityKeysUnavailable = new("identity_keys_unavailable", 503, "The keys of identity tokens are not known at the moment.", retryAfter: RetrySoon);

    // The backend.
    public static readonly Reason UpstreamFailed = new("upstream_failed", 502, "The backend could not be reached or broke off its answer.");
    public static readonly Reason UpstreamUnavailable = new("upstream_unavailable", 503, "No backend is available at the moment.", retryAfter: RetrySoon);
    public static readonly Reason UpstreamTimeout = new("upstream_timeout", 504, "The backend did not answer in time.");

    /// <summary>Every reason there is.</summary>
    public static readonly IReadOnlyList<Reason> All =
    [
        .. typeof(Reason).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => field.FieldType == typeof(Reason)).Select(field => (Reason)field.GetValue(null)!),
    ];

    private Reason(string code, int status, string detail, string? challenge = null, string? retryAfter = null)
    {
        Code = code;
        Status = status;
        Detail = detail;
        // Without a token RFC 6750 section 3.1 wants no error code in the challenge.
        Challenge = challenge ?? (status == StatusCodes.Status401Unauthorized ? "Bearer realm=\"gateway\"" : null);
        RetryAfter = retryAfter;
    }

    /// <summary>The stable id, for example <c>token_expired</c>.</summary>
    public string Code { get; }

    /// <summary>The HTTP status.</summary>
    public int Status { get; }

    /// <summary>One sentence for people. Holds nothing from the request.</summary>
    public string Detail { get; }

    /// <summary>The value of <c>WWW-Authenticate</c>, if any.</summary>
    public string? Challenge { get; }

    /// <summary>The value of <c>Retry-After</c>, if any.</summary>
    public string? RetryAfter { get; }

    public override string ToString() => Code;

    private static Reason InvalidToken(string code, string detail) =>
        new(code, StatusCodes.Status401Unauthorized, detail, $"Bearer error=\"invalid_token\", error_description=\"{detail}\"");
}
