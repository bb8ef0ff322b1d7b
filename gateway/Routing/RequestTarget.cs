using System.Buffers;
using Gateway.Diagnostics;

namespace Gateway.Routing;

/// <summary>
/// The rules for a raw request target (RFC 9112 section 3.2). What passes is read the same way by the gateway's router
/// and by any sane backend, so that the path that chose the policy is the path that is served.
/// </summary>
internal static class RequestTarget
{
    /// <summary>RFC 3986 <c>pchar</c> and <c>/</c>, without <c>%</c>: nothing here needs a second look but dots and slashes.</summary>
    private static readonly SearchValues<char> PlainPathChars =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/");

    /// <summary>Splits an origin-form target at its first <c>?</c>; the query keeps it.</summary>
    public static (string Path, string Query) Split(string target)
    {
        var query = target.IndexOf('?', StringComparison.Ordinal);
        return query < 0 ? (target, "") : (target[..query], target[query..]);
    }

    /// <summary>Judges a whole origin-form target: path and query.</summary>
    public static Reason? Check(ReadOnlySpan<char> target, IReadOnlyList<string> encodedSlashPrefixes)
    {
        var query = target.IndexOf('?');
        if (query < 0) return CheckPath(target, encodedSlashPrefixes);
        return CheckPath(target[..query], encodedSlashPrefixes) ?? CheckQuery(target[query..]);
    }

    /// <summary>Judges a raw path, which starts with a slash and has no query.</summary>
    public static Reason? CheckPath(ReadOnlySpan<char> path, IReadOnlyList<string> encodedSlashPrefixes)
    {
        if (path.IsEmpty || path[0] != '/') return Reason.TargetForm;
        if (!path.ContainsAnyExcept(PlainPathChars) && path.IndexOf("//") < 0 && path.IndexOf("/.") < 0) return null;
        return CheckSegments(path, AllowsEncodedSlashes(path, encodedSlashPrefixes));
    }

    private static Reason? CheckSegments(ReadOnlySpan<char> path, bool encodedSlashes)
    {
        var segment = default(Segment);
        for (var i = 1; i < path.Length; i++)
        {
            var c = path[i];
            if (c == '%')
            {
                // RFC 3986 section 2.1: a percent sign is followed by two hexadecimal digits.
                if (!TryReadByte(path, i, out var value) || IsOverlong(path, i, value)) return Reason.PathPercentEncoding;
                i += 2;
                if (value is < 0x20 or 0x7F) return Reason.PathControlCharacter;
                if (value == '\\' || (value == '/' && !encodedSlashes)) return Reason.PathEncodedSeparator;
                c = (char)value;
            }
            else if (c == '\\')
            {
                return Reason.PathBackslash;
            }
            else if (CheckChar(c) is { } refusal)
            {
                return refusal;
            }

            // An allowed encoded slash bounds a segment too: the backend will decode it.
            if (c != '/')
            {
                segment.Add(c);
                continue;
            }

            if (segment.Length == 0) return Reason.PathEmptySegment;
            if (segment.IsDots) return Reason.PathDotSegment;
            segment = default;
        }

        return segment.IsDots ? Reason.PathDotSegment : null;
    }

    /// <summary>The query is forwarded as it is; only what no request line may hold is refused.</summary>
    private static Reason? CheckQuery(ReadOnlySpan<char> query)
    {
        if (!query.ContainsAnyExceptInRange('!', '~') && !query.Contains('#')) return null;
        foreach (var c in query)
        {
            if (CheckChar(c) is { } refusal) return refusal;
        }

        return null;
    }

    private static Reason? CheckChar(char c) => c switch
    {
        '#' => Reason.TargetFragment,
        <= ' ' or '\u007F' => Reason.PathControlCharacter,
        > '\u007F' => Reason.PathNotAscii,
        _ => null,
    };

    private static bool AllowsEncodedSlashes(ReadOnlySpan<char> path, IReadOnlyList<string> prefixes)
    {
        for (var i = 0; i < prefixes.Count; i++)
        {
            if (path.StartsWith(prefixes[i], StringComparison.Ordinal)) return true;
        }

        return false;
    }

    private static bool TryReadByte(ReadOnlySpan<char> text, int percent, out byte value)
    {
        value = 0;
        if (percent + 2 >= text.Length || !char.IsAsciiHexDigit(text[percent + 1]) || !char.IsAsciiHexDigit(text[percent + 2])) return false;
        value = (byte)(Hex(text[percent + 1]) << 4 | Hex(text[percent + 2]));
        return true;
    }

    private static int Hex(char c) => char.IsAsciiDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;

    /// <summary>
    /// An overlong UTF-8 form of a shorter character (RFC 3629 section 3), such as <c>%C0%AF</c>, which lenient decoders
    /// read as a slash.
    /// </summary>
    private static bool IsOverlong(ReadOnlySpan<char> path, int i, byte lead)
    {
        if (lead is not (0xC0 or 0xC1 or 0xE0 or 0xF0)) return false;
        if (i + 3 >= path.Length || path[i + 3] != '%' || !TryReadByte(path, i + 3, out var next)) return false;
        return lead switch
        {
            0xE0 => next is >= 0x80 and <= 0x9F,
            0xF0 => next is >= 0x80 and <= 0x8F,
            _ => next is >= 0x80 and <= 0xBF,
        };
    }

    /// <summary>A decoded segment so far. Parameters behind <c>;</c> do not make <c>..;x</c> another name to some servers.</summary>
    private struct Segment
    {
        private int _dots;
        private bool _named;
        private bool _parameters;

        public int Length { get; private set; }

        public readonly bool IsDots => !_named && (_dots is 1 or 2);

        public void Add(char c)
        {
            Length++;
            if (_parameters) return;
            if (c == ';') _parameters = true;
            else if (c == '.') _dots++;
            else _named = true;
        }
    }
}
