using System.Buffers;
using Gateway.Routing;

namespace Gateway.Forwarding;

/// <summary>What one route's backend is sent about the caller, from the route's <see cref="RouteMetadata"/>.</summary>
internal sealed class ForwardingRules
{
    private static readonly SearchValues<char> NameChars =
        SearchValues.Create("-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

    /// <summary>Headers that a claim must not become: they frame or steer the request itself, or are about its body (RFC 9110
    /// section 8), whose headers the client to backends keeps apart: the client's value would pass there, and ours be lost.</summary>
    private static readonly string[] StandardNames =
        ["host", "connection", "transferencoding", "trailer", "te", "upgrade", "keepalive", "proxyconnection", "proxyauthorization",
         "proxyauthenticate", "authorization", "cookie", "expect", "origin", "range", "allow", "expires", "lastmodified"];

    private const string BodyPrefix = "content";

    /// <summary>The rules of a route that sets none.</summary>
    public static readonly ForwardingRules Default = Read(null, []);

    /// <summary>What becomes of a bearer <c>Authorization</c>.</summary>
    public AuthorizationRule Authorization { get; private init; }

    /// <summary>Which of <see cref="ReservedHeaders.Identity"/> are sent, by name.</summary>
    public IReadOnlySet<string> IdentityHeaders { get; private init; } = new HashSet<string>();

    /// <summary>Whether all of them but the token are, which is the default.</summary>
    public bool SendsAllIdentityHeaders { get; private init; }

    /// <summary>Whether the identity token is sent in its own header, which is the default.</summary>
    public bool SendsToken { get; private init; }

    /// <summary>Whether there must be an identity token at all.</summary>
    public bool NeedsToken => SendsToken || Authorization == AuthorizationRule.Replace;

    /// <summary>Claims and the headers they become.</summary>
    public ClaimHeader[] ClaimHeaders { get; private init; } = [];

    /// <summary>Names, as sent, that pass from a client.</summary>
    public string[] AllowedHeaders { get; private init; } = [];

    /// <summary>Null: the cluster's; infinite: none.</summary>
    public TimeSpan? ActivityTimeout { get; private init; }

    public bool Sends(string identityHeader) => SendsAllIdentityHeaders || IdentityHeaders.Contains(identityHeader);

    /// <summary>Whether a header that arrived with the request, or that a transform made, is to be dropped.</summary>
    public bool Drops(string name, bool trustsProxyHeaders)
    {
        foreach (var header in ClaimHeaders)
        {
            if (ReservedHeaders.CollapsesTo(name, header.Collapsed)) return true;
        }

        if (!ReservedHeaders.Contains(name, trustsProxyHeaders)) return false;
        foreach (var allowed in AllowedHeaders)
        {
            if (name.Equals(allowed, StringComparison.OrdinalIgnoreCase)) return false;
        }

        return true;
    }

    /// <summary>The rules of a route; those that set nothing share <see cref="Default"/>.</summary>
    public static ForwardingRules Of(IReadOnlyDictionary<string, string>? metadata) =>
        metadata?.Keys.Any(RouteMetadata.Known.Contains) == true ? Read(metadata, []) : Default;

    /// <summary>Reads a route's settings; what is wrong is added to <paramref name="problems"/>, key first.</summary>
    public static ForwardingRules Read(IReadOnlyDictionary<string, string>? metadata, List<string> problems)
    {
        var identity = Value(RouteMetadata.IdentityHeaders);
        var named = identity is null or "both" or "headers" or "token" or "none" ? [] : ReadIdentityHeaders(identity);
        return new ForwardingRules
        {
            Authorization = Value(RouteMetadata.Authorization) switch
            {
                null or "drop" => AuthorizationRule.Drop,
                "keep" => AuthorizationRule.Keep,
                "replace" => AuthorizationRule.Replace,
                var other => Problem(RouteMetadata.Authorization, $"'{other}' is none of 'drop', 'keep', 'replace'.", AuthorizationRule.Drop),
            },
            SendsAllIdentityHeaders = identity is null or "both" or "headers",
            SendsToken = identity is null or "both" or "token" || named.Contains(Forwarding.IdentityHeaders.TokenHeader),
            IdentityHeaders = named,
            ClaimHeaders = ReadClaimHeaders(Value(RouteMetadata.ClaimHeaders)),
            AllowedHeaders = ReadAllowedHeaders(Value(RouteMetadata.AllowedHeaders)),
            ActivityTimeout = Value(RouteMetadata.ActivityTimeout) switch
            {
                null => null,
                "none" => Timeout.InfiniteTimeSpan,
                var text when TimeSpan.TryParse(text, out var time) && time > TimeSpan.Zero => time,
                var other => Problem<TimeSpan?>(RouteMetadata.ActivityTimeout, $"'{other}' is neither 'none' nor a time like 00:01:40.", null),
            },
        };

        string? Value(string key) => metadata?.GetValueOrDefault(key)
            ?? metadata?.FirstOrDefault(pair => pair.Key.Equals(key, StringComparison.OrdinalIgnoreCase)).Value;

        T Problem<T>(string key, string text, T value)
        {
            problems.Add($"{key}: {text}");
            return value;
        }

        HashSet<string> ReadIdentityHeaders(string text)
        {
            var names = Split(text).ToHashSet(StringComparer.OrdinalIgnoreCase);
            foreach (var name in names.Except(ReservedHeaders.Identity, StringComparer.OrdinalIgnoreCase))
                Problem(RouteMetadata.IdentityHeaders, $"'{name}' is none of both, headers, token, none, {string.Join(", ", ReservedHeaders.Identity)}.", 0);
            return names;
        }

        ClaimHeader[] ReadClaimHeaders(string? text)
        {
            var headers = new List<ClaimHeader>();
            foreach (var pair in Split(text))
            {
                var equals = pair.IndexOf('=', StringComparison.Ordinal);
                var (claim, name) = equals < 0 ? ("", "") : (pair[..equals].Trim(), pair[(equals + 1)..].Trim());
                var collapsed = ReservedHeaders.Collapse(name);
                if (claim.Length == 0 || collapsed.Length == 0 || name.AsSpan().ContainsAnyExcept(NameChars))
                    Problem(RouteMetadata.ClaimHeaders, $"'{pair}' is not like email=X-Email.", 0);
                else if (ReservedHeaders.IsOwn(collapsed) || StandardNames.Contains(collapsed) || collapsed.StartsWith(BodyPrefix, StringComparison.Ordinal)
                    || ReservedHeaders.ProxyNames.Contains(collapsed) || collapsed.StartsWith("xforwarded", StringComparison.Ordinal))
                    Problem(RouteMetadata.ClaimHeaders, $"'{name}' is not free for a claim.", 0);
                else if (headers.Exists(header => header.Collapsed == collapsed))
                    Problem(RouteMetadata.ClaimHeaders, $"'{name}' is named twice.", 0);
                else
                    headers.Add(new ClaimHeader(claim, name, collapsed));
            }

            return [.. headers];
        }

        string[] ReadAllowedHeaders(string? text)
        {
            var names = Split(text).ToArray();
            foreach (var name in names.Where(name => ReservedHeaders.IsOwn(ReservedHeaders.Collapse(name))))
                Problem(RouteMetadata.AllowedHeaders, $"'{name}' is the gateway's own.", 0);
            return names;
        }
    }

    private static string[] Split(string? text) =>
        (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}

/// <summary>What becomes of a bearer <c>Authorization</c>; other schemes pass unless it is replaced.</summary>
internal enum AuthorizationRule
{
    Drop,
    Keep,

    /// <summary>The backend gets the identity token in its place, as it would from any issuer.</summary>
    Replace,
}

/// <summary>A claim and the header it becomes.</summary>
internal sealed record ClaimHeader(string Claim, string Name, string Collapsed);
