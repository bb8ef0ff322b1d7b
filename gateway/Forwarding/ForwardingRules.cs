using System.Buffers;
using Gateway.Routing;

namespace Gateway.Forwarding;

/// <summary>What one route's backend is sent about the caller, from the route's <see cref="RouteMetadata"/>.</summary>
internal sealed class ForwardingRules
{
    private static readonly SearchValues<char> NameChars =
        SearchValues.Create("-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

    /// <summary>Headers that a claim must not become: they frame or steer the request itself.</summary>
    private static readonly string[] StandardNames =
        ["host", "connection", "contentlength", "contenttype", "contentencoding", "transferencoding", "trailer", "te", "upgrade", "keepalive",
         "proxyconnection", "proxyauthorization", "proxyauthenticate", "authorization", "cookie", "expect", "origin", "range"];

    /// <summary>Whether a bearer <c>Authorization</c> is forwarded.</summary>
    public bool KeepsAuthorization { get; private init; }

    /// <summary>Which of <see cref="ReservedHeaders.Identity"/> are sent, by name.</summary>
    public IReadOnlySet<string> IdentityHeaders { get; private init; } = new HashSet<string>();

    /// <summary>Whether all of them are, which is the default.</summary>
    public bool SendsAllIdentityHeaders { get; private init; }

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

    /// <summary>Reads a route's settings; what is wrong is added to <paramref name="problems"/>, key first.</summary>
    public static ForwardingRules Read(IReadOnlyDictionary<string, string>? metadata, List<string> problems)
    {
        var identity = Value(RouteMetadata.IdentityHeaders);
        return new ForwardingRules
        {
            KeepsAuthorization = Value(RouteMetadata.Authorization) switch
            {
                null or "drop" => false,
                "keep" => true,
                var other => Problem(RouteMetadata.Authorization, $"'{other}' is neither 'keep' nor 'drop'.", false),
            },
            SendsAllIdentityHeaders = identity is null or "all",
            IdentityHeaders = identity is null or "all" or "none" ? new HashSet<string>() : ReadIdentityHeaders(identity),
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
                Problem(RouteMetadata.IdentityHeaders, $"'{name}' is none of {string.Join(", ", ReservedHeaders.Identity)}, all, none.", 0);
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
                else if (ReservedHeaders.IsOwn(collapsed) || StandardNames.Contains(collapsed)
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

/// <summary>A claim and the header it becomes.</summary>
internal sealed record ClaimHeader(string Claim, string Name, string Collapsed);
