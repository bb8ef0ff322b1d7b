using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Gateway.Forwarding;

/// <summary>Claim values as header text: what is outside 0x21–0x7E, and <c>%</c>, is percent-encoded as UTF-8.</summary>
internal static class HeaderText
{
    private const int MaxShared = 256;

    private static readonly SearchValues<char> Plain =
        SearchValues.Create([.. Enumerable.Range(0x21, 0x7E - 0x21 + 1).Select(c => (char)c).Where(c => c != '%')]);

    private static readonly SearchValues<char> PlainInList =
        SearchValues.Create([.. Enumerable.Range(0x21, 0x7E - 0x21 + 1).Select(c => (char)c).Where(c => c is not ('%' or ','))]);

    // Where two texts meet, the later one takes the place.
    private static readonly string?[] SharedTexts = new string?[256];

    public static string Encode(string value) => Encode(value, Plain);

    /// <summary>Elements between commas; a comma within one is encoded.</summary>
    public static string EncodeList(IEnumerable<string> values) => Shared(string.Join(',', values.Select(value => Encode(value, PlainInList))));

    /// <summary>Elements between blanks, which RFC 6749 section 3.3 keeps out of each.</summary>
    public static string EncodeScopes(IEnumerable<string> values) => Shared(string.Join(' ', values.Select(Encode)));

    /// <summary>Any claim: a list for an array, compact JSON for an object, null for nothing to send.</summary>
    public static string? Encode(JsonElement claim) => claim.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        JsonValueKind.Array => EncodeList(claim.EnumerateArray().Select(Text)),
        _ => Encode(Text(claim)),
    };

    /// <summary>One text for all callers of the same roles or scopes: with many callers, memory is what a request costs.</summary>
    private static string Shared(string text)
    {
        ref var place = ref SharedTexts[(uint)text.GetHashCode(StringComparison.Ordinal) % SharedTexts.Length];
        var known = Volatile.Read(ref place);
        if (text == known) return known;
        if (text.Length <= MaxShared) Volatile.Write(ref place, text);
        return text;
    }

    private static string Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    private static string Encode(string value, SearchValues<char> plain)
    {
        if (!value.AsSpan().ContainsAnyExcept(plain)) return value;
        var text = new StringBuilder(value.Length + 16);
        foreach (var b in Encoding.UTF8.GetBytes(value))
        {
            if (plain.Contains((char)b)) text.Append((char)b);
            else text.Append('%').Append(b.ToString("X2"));
        }

        return text.ToString();
    }
}
