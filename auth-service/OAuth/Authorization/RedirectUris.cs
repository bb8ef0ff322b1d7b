using System.Globalization;

namespace AuthService.OAuth.Authorization;

/// <summary>
/// Where an answer may go. Texts are compared, character for character (RFC 9700 section 2.1): whatever two readers could
/// take for the same address is not the same. Of a loopback address only the port may differ (RFC 8252 section 7.3).
/// </summary>
internal static class RedirectUris
{
    /// <summary>Characters of a redirect URI.</summary>
    public const int MaxLength = 1024;

    internal const string Loopback = "http://127.0.0.1";

    /// <summary>Whether one of the registered addresses is the one that was asked for.</summary>
    public static bool IsRegistered(IEnumerable<string> registered, string asked) =>
        asked.Length <= MaxLength && registered.Any(uri => uri == asked || (WithoutPort(uri) is { } own && own == WithoutPort(asked)));

    /// <summary>Whether programs on the user's own machine, whichever, can receive the answer.</summary>
    public static bool IsLoopback(string uri) => WithoutPort(uri) is not null;

    /// <summary>The origin (RFC 6454) of pages at a registered address; null for those that no web page has. A loopback one
    /// is without its port, which may be any.</summary>
    public static string? Origin(string registered)
    {
        if (IsLoopback(registered)) return Loopback;
        return Uri.TryCreate(registered, UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http" ? uri.GetLeftPart(UriPartial.Authority) : null;
    }

    /// <summary>Whether an <c>Origin</c> header names a loopback origin, with any port.</summary>
    public static bool IsLoopbackOrigin(string origin) => WithoutPort(origin + "/") == Loopback + "/";

    /// <summary>What is wrong with an address that is to be registered, as the end of a sentence; null if nothing is.</summary>
    public static string? Fault(string uri)
    {
        if (uri.Length is 0 or > MaxLength) return $"must have 1 to {MaxLength} characters.";
        if (uri.Any(c => c is <= ' ' or >= '\u007f' or '"' or '<' or '>' or '\\' or '^' or '`' or '{' or '|' or '}'))
            return "must be an absolute URI in ASCII without blanks (RFC 3986).";
        if (!Uri.TryCreate(uri, UriKind.Absolute, out var parsed) || !uri.Contains(':', StringComparison.Ordinal)) return "must be an absolute URI.";
        // RFC 6749 section 3.1.2.
        if (uri.Contains('#', StringComparison.Ordinal)) return "must not have a fragment.";
        if (parsed.UserInfo.Length > 0) return "must not have user information.";
        if (uri.Contains('*', StringComparison.Ordinal)) return "must not have a wildcard; every address is registered as it is.";
        if (parsed.Scheme == Uri.UriSchemeHttps) return null;
        if (parsed.Scheme == Uri.UriSchemeHttp)
            return IsLoopback(uri) ? null : $"must be https; of http addresses only {Loopback}/… is taken, not localhost (RFC 8252 section 8.3).";
        // RFC 8252 section 7.1: a reversed domain name, which others cannot take by accident.
        return parsed.Scheme.Contains('.', StringComparison.Ordinal) ? null : "must be https, http://127.0.0.1/…, or have a scheme with a dot such as com.example.app:/callback.";
    }

    /// <summary>A loopback address without its port; null for any other.</summary>
    private static string? WithoutPort(string uri)
    {
        if (!uri.StartsWith(Loopback, StringComparison.Ordinal)) return null;
        var rest = uri.AsSpan(Loopback.Length);
        if (rest is ['/', ..]) return uri;
        if (rest is not [':', ..]) return null;
        rest = rest[1..];
        var slash = rest.IndexOf('/');
        if (slash is < 1 or > 5 || rest[0] == '0') return null;
        return ushort.TryParse(rest[..slash], NumberStyles.None, CultureInfo.InvariantCulture, out _) ? string.Concat(Loopback, rest[slash..]) : null;
    }
}
