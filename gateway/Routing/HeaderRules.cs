using System.Buffers;
using System.Text;
using Gateway.Diagnostics;
using Microsoft.Extensions.Primitives;

namespace Gateway.Routing;

/// <summary>Header bytes that two parties could read differently are refused; everything else passes unchanged.</summary>
internal static class HeaderRules
{
    /// <summary>RFC 9110 section 5.6.2: <c>tchar</c>.</summary>
    private static readonly SearchValues<char> TokenChars =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>RFC 9110 section 5.5: control characters other than TAB are invalid in a field value.</summary>
    private static readonly SearchValues<char> ControlChars = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Where(c => c != '\t').Append(0x7F).Select(c => (char)c)]);

    public static Reason? Check(IHeaderDictionary headers)
    {
        // RFC 9112 section 6.3: both may be request smuggling. Kestrel prefers Transfer-Encoding and renames the other.
        if (headers.TransferEncoding.Count > 0 && (headers.ContentLength is not null || headers.ContainsKey("X-Content-Length")))
            return Reason.ContentLengthConflict;
        // RFC 9112 section 6.1: of a list Kestrel looks at the last coding alone, undoes that, and the rest would be lost on the way.
        if (headers.TransferEncoding.Count > 0 && !headers.TransferEncoding.ToString().Equals("chunked", StringComparison.OrdinalIgnoreCase))
            return Reason.TransferEncodingUnsupported;

        foreach (var (name, values) in headers)
        {
            // HTTP/2 pseudo-headers are listed too, with a colon that no client can send in a name.
            if (name.AsSpan().ContainsAnyExcept(TokenChars) && name[0] != ':') return Reason.HeaderNameInvalid;
            for (var i = 0; i < values.Count; i++)
            {
                if (values[i].AsSpan().ContainsAny(ControlChars)) return Reason.HeaderControlCharacter;
            }
        }

        return HasNonAscii(headers.Authorization) || HasNonAscii(headers.Host) || HasNonAsciiCookieName(headers.Cookie)
            ? Reason.HeaderNotAscii
            : null;
    }

    /// <summary>Whether the <c>Connection</c> header (RFC 9110 section 7.6.1) or another list names <paramref name="token"/>.</summary>
    public static bool Lists(StringValues list, ReadOnlySpan<char> token)
    {
        for (var i = 0; i < list.Count; i++)
        {
            var value = list[i].AsSpan();
            foreach (var range in value.Split(','))
            {
                if (value[range].Trim().Equals(token, StringComparison.OrdinalIgnoreCase)) return true;
            }
        }

        return false;
    }

    private static bool HasNonAscii(StringValues values)
    {
        for (var i = 0; i < values.Count; i++)
        {
            if (!Ascii.IsValid(values[i])) return true;
        }

        return false;
    }

    private static bool HasNonAsciiCookieName(StringValues cookies)
    {
        if (!HasNonAscii(cookies)) return false;
        for (var i = 0; i < cookies.Count; i++)
        {
            var value = cookies[i].AsSpan();
            foreach (var range in value.Split(';'))
            {
                var pair = value[range];
                var equals = pair.IndexOf('=');
                if (!Ascii.IsValid(equals < 0 ? pair : pair[..equals])) return true;
            }
        }

        return false;
    }
}
