using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace AuthService.SecondFactor;

/// <summary>Time-based one-time passwords (RFC 6238) as every authenticator makes them: SHA-1, 30 s, 6 digits.</summary>
internal static class Totp
{
    public const int Digits = 6;
    public const int StepSeconds = 30;

    /// <summary>RFC 4226 section 4, R6: 160 bits are recommended.</summary>
    private const int SecretLength = 20;

    private const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    public static byte[] NewSecret() => RandomNumberGenerator.GetBytes(SecretLength);

    public static bool IsCode(string text) => text.Length == Digits && text.All(char.IsAsciiDigit);

    /// <summary>The step a code belongs to: the present one or, as clocks differ and people type slowly, one beside it
    /// (RFC 6238 section 5.2); null if it is of none of these, or of one not after <paramref name="lastStep"/>.</summary>
    public static long? FindStep(ReadOnlySpan<byte> secret, string code, DateTimeOffset now, long lastStep)
    {
        long? found = null;
        var present = now.ToUnixTimeSeconds() / StepSeconds;
        Span<byte> given = stackalloc byte[Digits];
        if (!IsCode(code)) return null;
        Encoding.ASCII.GetBytes(code, given);
        for (var step = present - 1; step <= present + 1; step++)
        {
            var matches = CryptographicOperations.FixedTimeEquals(given, Encoding.ASCII.GetBytes(Code(secret, step)));
            if (matches && step > lastStep) found = step;
        }
        return found;
    }

    /// <summary>RFC 4226 section 5.3.</summary>
    [SuppressMessage("Security", "CA5350:Do not use weak cryptographic algorithms", Justification = "RFC 6238; HMAC does not need SHA-1 to resist collisions, and authenticators take no other.")]
    public static string Code(ReadOnlySpan<byte> secret, long step)
    {
        Span<byte> counter = stackalloc byte[sizeof(long)];
        Span<byte> hash = stackalloc byte[HMACSHA1.HashSizeInBytes];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
        HMACSHA1.HashData(secret, counter, hash);
        var number = BinaryPrimitives.ReadInt32BigEndian(hash[(hash[^1] & 0xf)..]) & int.MaxValue;
        return (number % 1_000_000).ToString("D6", CultureInfo.InvariantCulture);
    }

    /// <summary>Base32 without padding (RFC 4648 section 6), as authenticators take it.</summary>
    public static string Text(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder((bytes.Length * 8 + 4) / 5);
        var (buffer, bits) = (0, 0);
        foreach (var value in bytes)
        {
            buffer = (buffer << 8) | value;
            for (bits += 8; bits >= 5; bits -= 5) text.Append(Base32[(buffer >> (bits - 5)) & 31]);
        }
        if (bits > 0) text.Append(Base32[(buffer << (5 - bits)) & 31]);
        return text.ToString();
    }

    /// <summary>What a QR code for an authenticator holds.</summary>
    public static string Uri(string service, string userName, string secret) =>
        $"otpauth://totp/{Escape(service)}:{Escape(userName)}?secret={secret}&issuer={Escape(service)}&algorithm=SHA1&digits={Digits}&period={StepSeconds}";

    private static string Escape(string text) => System.Uri.EscapeDataString(text);
}
