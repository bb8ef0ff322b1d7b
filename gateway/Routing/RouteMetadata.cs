using System.Collections.Frozen;

namespace Gateway.Routing;

/// <summary>
/// The gateway's settings in a route's <c>Metadata</c>. An unknown key that starts with <see cref="Prefix"/> is an error, so
/// that a misspelt one is not silently the default.
/// </summary>
internal static class RouteMetadata
{
    public const string Prefix = "Gateway.";

    /// <summary>
    /// <c>drop</c> (default) or <c>keep</c> a bearer <c>Authorization</c>, or <c>replace</c> it by the identity token. Other
    /// schemes pass, unless it is replaced.
    /// </summary>
    public const string Authorization = "Gateway.Authorization";

    /// <summary>
    /// How the backend learns who calls: <c>both</c> (default), <c>headers</c> (the unsigned ones), <c>token</c>
    /// (<c>X-Identity-Token</c>), <c>none</c>, or names among them, separated by commas.
    /// </summary>
    public const string IdentityHeaders = "Gateway.IdentityHeaders";

    /// <summary>Claims as further headers: <c>email=X-Email, tenant=X-Tenant</c>. Such a header never passes from a client.</summary>
    public const string ClaimHeaders = "Gateway.ClaimHeaders";

    /// <summary>Header names that pass though the gateway would drop them from a client; not its own identity headers.</summary>
    public const string AllowedHeaders = "Gateway.AllowedHeaders";

    /// <summary>How long neither side may send, as <c>hh:mm:ss</c> or <c>none</c>. Default: the cluster's, YARP's being 100 s.</summary>
    public const string ActivityTimeout = "Gateway.ActivityTimeout";

    /// <summary>
    /// <c>refuse</c> (default, 503) or <c>admit</c> a caller whose token is good, while it is not known whether the token has
    /// been revoked.
    /// </summary>
    public const string WhenRevocationUnknown = "Gateway.WhenRevocationUnknown";

    /// <summary>Written by the gateway: the policy that <c>AuthorizationPolicy</c> names.</summary>
    internal const string ResolvedPolicy = "Gateway.Resolved.Policy";

    /// <summary>Written by the gateway: the rule that <c>CorsPolicy</c> names.</summary>
    internal const string ResolvedCors = "Gateway.Resolved.Cors";

    /// <summary>Written by the gateway: the limit that <c>RateLimiterPolicy</c> names.</summary>
    internal const string ResolvedRateLimit = "Gateway.Resolved.RateLimit";

    /// <summary>What a configuration may hold.</summary>
    public static readonly FrozenSet<string> Known =
        new[] { Authorization, IdentityHeaders, ClaimHeaders, AllowedHeaders, ActivityTimeout, WhenRevocationUnknown }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);
}
