using System.Net;
using System.Text;

namespace Gateway.Forwarding;

/// <summary>
/// The auth-service's cookies (<c>gwid_…</c>) stay between it and the browser, though all services share one host name:
/// no other backend gets them, and none can set them.
/// </summary>
internal static class SignInCookies
{
    private const string Prefix = "gwid_";

    /// <summary>The <c>Cookie</c> value without them: the same string if it has none, null if nothing is left.</summary>
    public static string? RemoveFrom(string cookies)
    {
        if (!MayName(cookies)) return cookies;
        StringBuilder? kept = null;
        var removed = false;
        foreach (var range in cookies.AsSpan().Split(';'))
        {
            var pair = cookies.AsSpan()[range].Trim();
            if (IsOurs(pair))
            {
                removed = true;
                continue;
            }

            if (pair.IsEmpty) continue;
            kept ??= new StringBuilder(cookies.Length);
            if (kept.Length > 0) kept.Append("; ");
            kept.Append(pair);
        }

        return removed ? kept?.ToString() : cookies;
    }

    /// <summary>Whether a <c>Set-Cookie</c> value sets one of them.</summary>
    public static bool IsSetBy(string setCookie)
    {
        if (!MayName(setCookie)) return false;
        var end = setCookie.AsSpan().IndexOf(';');
        return IsOurs(end < 0 ? setCookie : setCookie.AsSpan(..end));
    }

    private static bool MayName(string text) => text.Contains(Prefix, StringComparison.OrdinalIgnoreCase) || text.Contains('%');

    private static bool IsOurs(ReadOnlySpan<char> pair)
    {
        // A cookie without a name, "=gwid_x=1", comes back from browsers as "gwid_x=1".
        pair = pair.Trim().TrimStart("= \t");
        var equals = pair.IndexOf('=');
        var name = (equals < 0 ? pair : pair[..equals]).Trim();
        // Some servers percent-decode names (CVE-2020-1045).
        return name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)
            || (name.Contains('%') && WebUtility.UrlDecode(name.ToString()).Trim().StartsWith(Prefix, StringComparison.OrdinalIgnoreCase));
    }
}
