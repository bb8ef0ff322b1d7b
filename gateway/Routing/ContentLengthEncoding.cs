using System.Text;

namespace Gateway.Routing;

/// <summary>
/// Reads <c>Content-Length</c> as RFC 9110 section 8.6 has it, digits and nothing else. Kestrel's own parser takes <c>+1</c>
/// too, and two readings of a length are what request smuggling is made of. Anything else becomes a text that no parser
/// takes, which Kestrel answers with 400.
/// </summary>
internal sealed class ContentLengthEncoding : Encoding
{
    public static readonly ContentLengthEncoding Instance = new();

    private const string NoLength = "x";

    public override int GetByteCount(char[] chars, int index, int count) => Latin1.GetByteCount(chars, index, count);

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetCharCount(byte[] bytes, int index, int count) =>
        IsLength(bytes.AsSpan(index, count)) ? count : NoLength.Length;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
        GetChars(bytes.AsSpan(byteIndex, byteCount), chars.AsSpan(charIndex));

    public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
    {
        if (IsLength(bytes)) return Latin1.GetChars(bytes, chars);
        NoLength.CopyTo(chars);
        return NoLength.Length;
    }

    public override int GetMaxByteCount(int charCount) => charCount;

    public override int GetMaxCharCount(int byteCount) => Math.Max(byteCount, NoLength.Length);

    /// <summary>Up to 18 digits: a long, without a thought about overflow.</summary>
    private static bool IsLength(ReadOnlySpan<byte> bytes) =>
        bytes.Length is > 0 and < 19 && !bytes.ContainsAnyExceptInRange((byte)'0', (byte)'9');
}
