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
    public static readonly Reason PathMalformed = new("path_malformed", 400, "The request target is ambiguous or malformed.");
    public static readonly Reason HeaderMalformed = new("header_malformed", 400, "A request header is malformed.");
    public static readonly Reason CredentialsAmbiguous = new("credentials_ambiguous", 400, "The request carries more than one credential.");
    public static readonly Reason RouteNotFound = new("route_not_found", 404, "No route matches the request.");
    public static readonly Reason MethodNotAllowed = new("method_not_allowed", 405, "The route does not take this method.");

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
    public static readonly Reason VerifyUntrustedPeer = new("verify_untrusted_peer", 403, "Only configured proxies may ask.");
    public static readonly Reason VerifyNoRoute = new("verify_no_route", 403, "No route and no default policy decides this request.");

    // The gateway cannot know: 503, never 401.
    public static readonly Reason KeysUnavailable = new("keys_unavailable", 503, "The issuer's keys are not known at the moment.", retryAfter: RetrySoon);
    public static readonly Reason RevocationUnknown = new("revocation_unknown", 503, "The revocation state is not known at the moment.", retryAfter: RetrySoon);

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
