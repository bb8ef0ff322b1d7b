using System.Text;

namespace Gateway.Routing;

/// <summary>
/// Latin-1 for the request header <c>Connection</c>, so read that Kestrel keeps all of it. Kestrel replaces a value in which
/// it knows one option (<c>close, X-Hop</c>) by that option alone, and the names of the headers to remove would be lost. A
/// value with two options it leaves as it is.
/// </summary>
internal sealed class ConnectionHeaderEncoding : Encoding
{
    public static readonly ConnectionHeaderEncoding Instance = new();

    private const string KeepAlive = "keep-alive";

    public override int GetByteCount(char[] chars, int index, int count) => Latin1.GetByteCount(chars, index, count);

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetCharCount(byte[] bytes, int index, int count) => Decode(bytes.AsSpan(index, count)).Length;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        var text = Decode(bytes.AsSpan(byteIndex, byteCount));
        text.CopyTo(0, chars, charIndex, text.Length);
        return text.Length;
    }

    public override int GetMaxByteCount(int charCount) => charCount;

    public override int GetMaxCharCount(int byteCount) => byteCount + KeepAlive.Length + 2;

    private static string Decode(ReadOnlySpan<byte> bytes)
    {
        var text = Latin1.GetString(bytes);
        if (!text.Contains(',', StringComparison.Ordinal)) return text;

        var options = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var (keepAlive, other) = (Has(options, KeepAlive), Has(options, "close") || Has(options, "upgrade"));
        if (keepAlive == other || Array.TrueForAll(options, IsKnown)) return text;
        // Persistence is the default of HTTP/1.1 (RFC 9112 section 9.3), and close prevails over keep-alive there.
        return other
            ? $"{text}, {KeepAlive}"
            : string.Join(", ", options.Where(option => !option.Equals(KeepAlive, StringComparison.OrdinalIgnoreCase)));
    }

    private static bool IsKnown(string option) => option.ToLowerInvariant() is KeepAlive or "close" or "upgrade";

    private static bool Has(string[] options, string option) => options.Contains(option, StringComparer.OrdinalIgnoreCase);
}
