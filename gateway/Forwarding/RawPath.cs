using System.Buffers;

namespace Gateway.Forwarding;

/// <summary>Finds the raw form of a path that transforms made from a decoded one.</summary>
internal static class RawPath
{
    /// <summary>RFC 3986 <c>pchar</c>, and <c>%</c>, which a configured path may hold as the start of an escape.</summary>
    private static readonly SearchValues<char> SegmentChars =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@%");

    /// <summary>
    /// The trailing segments that the new path shares with the old one keep their raw bytes; the others, which come from
    /// configuration, are percent-encoded where needed.
    /// </summary>
    /// <param name="raw">The path as sent.</param>
    /// <param name="decoded">The same path as the server decoded it; decoding neither adds nor removes a slash.</param>
    /// <param name="changed">The path that transforms made of <paramref name="decoded"/>.</param>
    public static string Rewrite(string raw, string decoded, string changed)
    {
        var rawSegments = raw.Split('/');
        var oldSegments = decoded.Split('/');
        var newSegments = changed.Split('/');
        if (rawSegments.Length != oldSegments.Length) throw new InvalidOperationException("The decoded path is not that of the request.");

        var shared = 0;
        while (shared < Math.Min(oldSegments.Length, newSegments.Length) && oldSegments[^(shared + 1)] == newSegments[^(shared + 1)]) shared++;

        for (var i = 0; i < newSegments.Length; i++)
        {
            var fromEnd = newSegments.Length - i;
            if (fromEnd <= shared) newSegments[i] = rawSegments[^fromEnd];
            else if (newSegments[i].AsSpan().ContainsAnyExcept(SegmentChars)) newSegments[i] = Encode(newSegments[i]);
        }

        var path = string.Join('/', newSegments);
        return path.StartsWith('/') ? path : "/" + path;
    }

    private static string Encode(string segment) =>
        string.Concat(segment.EnumerateRunes().Select(rune =>
            rune.IsAscii && SegmentChars.Contains((char)rune.Value) ? rune.ToString() : Uri.EscapeDataString(rune.ToString())));
}
