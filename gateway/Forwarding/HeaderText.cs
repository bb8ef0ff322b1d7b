using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Gateway.Forwarding;

/// <summary>Claim values as header text: what is outside 0x21–0x7E, and <c>%</c>, is percent-encoded as UTF-8.</summary>
internal static class HeaderText
{
    private static readonly SearchValues<char> Plain =
        SearchValues.Create([.. Enumerable.Range(0x21, 0x7E - 0x21 + 1).Select(c => (char)c).Where(c => c != '%')]);

    private static readonly SearchValues<char> PlainInList =
        SearchValues.Create([.. Enumerable.Range(0x21, 0x7E - 0x21 + 1).Select(c => (char)c).Where(c => c is not ('%' or ','))]);

    public static string Encode(string value) => Encode(value, Plain);

    /// <summary>Elements between commas; a comma within one is encoded.</summary>
    public static string EncodeList(IEnumerable<string> values) => string.Join(',', values.Select(value => Encode(value, PlainInList)));

    /// <summary>Elements between blanks, which RFC 6749 section 3.3 keeps out of each.</summary>
    public static string EncodeScopes(IEnumerable<string> values) => string.Join(' ', values.Select(Encode));

    /// <summary>Any claim: a list for an array, compact JSON for an object, null for nothing to send.</summary>
    public static string? Encode(JsonElement claim) => claim.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        JsonValueKind.Array => EncodeList(claim.EnumerateArray().Select(Text)),
        _ => Encode(Text(claim)),
    };

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
