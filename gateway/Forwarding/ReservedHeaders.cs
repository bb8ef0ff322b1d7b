using System.Collections.Frozen;

namespace Gateway.Forwarding;

/// <summary>
/// Names that must not reach a backend from a client. Servers disagree on which names are one (CGI folds <c>-</c> and <c>_</c>,
/// some fold <c>.</c>), so a name is judged by its letters and digits in lower case and by nothing else.
/// </summary>
internal static class ReservedHeaders
{
    /// <summary>The header names the gateway sets; they are dropped from every client.</summary>
    public static readonly string[] Identity =
        ["X-User-Id", "X-User-Name", "X-User-Roles", "X-User-Scopes", "X-Client-Id", "X-Session-Id", "X-User-Issuer", "X-Identity-Token"];

    /// <summary>Beginnings and whole names of which every client is suspected.</summary>
    public static readonly string[] IdentityPrefixes = ["xuser", "xauth", "xidentity"];
    public static readonly string[] IdentityNames = ["xclientid", "xsessionid"];

    /// <summary>Those that a configured proxy in front may set.</summary>
    public static readonly string[] ProxyPrefixes = ["xforwarded", "xoriginal", "xrewrite", "xremote", "xenvoy"];
    public static readonly string[] ProxyNames = ["forwarded", "xrealip", "remoteuser", "proxy"];

    private static readonly FrozenSet<string> OwnNames = Identity.Select(Collapse).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Letters and digits, in lower case: <c>X_User.Id</c> and <c>x-user-id</c> are both <c>xuserid</c>.</summary>
    public static string Collapse(string name)
    {
        Span<char> buffer = stackalloc char[name.Length <= 256 ? name.Length : 0];
        if (buffer.IsEmpty) buffer = new char[name.Length];
        return new string(buffer[..Collapse(name, buffer)]);
    }

    /// <summary>Whether a collapsed name is one that the gateway itself sets on any route.</summary>
    public static bool IsOwn(string collapsed) => OwnNames.Contains(collapsed);

    /// <summary>Whether a name is dropped on every route.</summary>
    /// <param name="name">As sent.</param>
    /// <param name="trustsProxyHeaders">Whether the peer is a configured proxy.</param>
    public static bool Contains(ReadOnlySpan<char> name, bool trustsProxyHeaders)
    {
        // Nearly every header ends here: only names whose first letter is f, p, r or x can be meant.
        var first = FirstAlphanumeric(name);
        if (first is not ('x' or 'f' or 'r' or 'p')) return false;

        // Longer than every reserved name: a longer name can only match by its beginning.
        Span<char> collapsed = stackalloc char[16];
        var length = Collapse(name, collapsed);
        ReadOnlySpan<char> text = collapsed[..Math.Min(length, collapsed.Length)];
        return Matches(text, length, IdentityPrefixes, IdentityNames)
            || (!trustsProxyHeaders && Matches(text, length, ProxyPrefixes, ProxyNames));
    }

    /// <summary>Whether <paramref name="name"/> collapses to <paramref name="collapsed"/>.</summary>
    public static bool CollapsesTo(ReadOnlySpan<char> name, string collapsed)
    {
        var position = 0;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c)) continue;
            if (position == collapsed.Length || ToLower(c) != collapsed[position]) return false;
            position++;
        }

        return position == collapsed.Length;
    }

    private static bool Matches(ReadOnlySpan<char> text, int length, string[] prefixes, string[] names)
    {
        foreach (var prefix in prefixes)
        {
            if (text.StartsWith(prefix)) return true;
        }

        foreach (var reserved in names)
        {
            if (length == reserved.Length && text.SequenceEqual(reserved)) return true;
        }

        return false;
    }

    /// <summary>Writes what fits; returns the whole length.</summary>
    private static int Collapse(ReadOnlySpan<char> name, Span<char> buffer)
    {
        var length = 0;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c)) continue;
            if (length < buffer.Length) buffer[length] = ToLower(c);
            length++;
        }

        return length;
    }

    private static char FirstAlphanumeric(ReadOnlySpan<char> name)
    {
        foreach (var c in name)
        {
            if (char.IsAsciiLetterOrDigit(c)) return ToLower(c);
        }

        return '\0';
    }

    private static char ToLower(char c) => char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c;
}
