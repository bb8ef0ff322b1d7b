using System.Buffers;
using System.Globalization;
using System.Text;

namespace AuthService.OAuth;

/// <summary>The <c>application/x-www-form-urlencoded</c> encoding of one name or value (RFC 6749 appendix B), read strictly: a
/// text that two readers could understand differently is no text.</summary>
internal static class FormText
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>False for a broken escape, bytes that are no UTF-8, and control characters, which no parameter has
    /// (RFC 6749 appendix A).</summary>
    public static bool TryDecode(ReadOnlySpan<byte> encoded, out string text)
    {
        text = "";
        var decoded = new ArrayBufferWriter<byte>(encoded.Length + 1);
        for (var i = 0; i < encoded.Length; i++)
        {
            var octet = encoded[i];
            if (octet == '+')
            {
                octet = (byte)' ';
            }
            else if (octet == '%')
            {
                if (i + 2 >= encoded.Length || !byte.TryParse(encoded.Slice(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out octet)) return false;
                i += 2;
            }

            if (octet is < 0x20 or 0x7F) return false;
            decoded.GetSpan(1)[0] = octet;
            decoded.Advance(1);
        }

        try
        {
            text = StrictUtf8.GetString(decoded.WrittenSpan);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
