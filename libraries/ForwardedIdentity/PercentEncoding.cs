using System.Buffers;
using System.Globalization;
using System.Text;

namespace ForwardedIdentity;

/// <summary>The encoding of identity headers: bytes outside 0x21-0x7E, and <c>%</c>, as <c>%XX</c> of their UTF-8.</summary>
internal static class PercentEncoding
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static bool TryDecode(string text, out string value)
    {
        value = text;
        var bytes = new ArrayBufferWriter<byte>(text.Length + 1);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] is < '!' or > '~') return false;
            var octet = (byte)text[i];
            if (octet == '%')
            {
                if (i + 2 >= text.Length || !byte.TryParse(text.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out octet)) return false;
                i += 2;
            }

            bytes.GetSpan(1)[0] = octet;
            bytes.Advance(1);
        }

        try
        {
            value = StrictUtf8.GetString(bytes.WrittenSpan);
            return value.Length > 0;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
