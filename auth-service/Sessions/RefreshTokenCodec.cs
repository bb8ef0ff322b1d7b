using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace AuthService.Sessions;

/// <summary>What reading a refresh token's text showed.</summary>
internal enum RefreshTokenReading
{
    /// <summary>Not a token of ours: mangled, truncated, forged.</summary>
    Refused,

    /// <summary>Well formed, but under a key this replica does not hold.</summary>
    UnknownKey,

    /// <summary>Issued by us.</summary>
    Genuine,
}

/// <summary>
/// Text form of a <see cref="RefreshToken"/>: <c>gwr_</c> and base64url (RFC 4648 section 5, unpadded) of
/// <code>version(1) key(4) sid(16) user(16) generation(8) session-expires(8) client-length(1) client mac(32)</code>
/// with integers big-endian and an HMAC-SHA-256 over all before it. Every field has a fixed length or its length before
/// it, so no byte can move from one field to another under the same MAC. Reading needs memory only.
/// </summary>
internal static class RefreshTokenCodec
{
    public const string Prefix = "gwr_";

    /// <summary>The longest client id that fits a token, in UTF-8 bytes.</summary>
    public const int MaxClientIdBytes = 255;

    /// <summary>The longest text that is looked at; nothing longer was ever issued.</summary>
    public static readonly int MaxLength = Prefix.Length + Base64Url.GetEncodedLength(MaxBytes);

    private const byte Version = 1;
    private const int KeyAt = 1;
    private const int SidAt = KeyAt + sizeof(uint);
    private const int UserAt = SidAt + 16;
    private const int GenerationAt = UserAt + 16;
    private const int ExpiresAt = GenerationAt + 8;
    private const int ClientLengthAt = ExpiresAt + 8;
    private const int ClientAt = ClientLengthAt + 1;
    private const int MacLength = HMACSHA256.HashSizeInBytes;
    private const int MaxBytes = ClientAt + MaxClientIdBytes + MacLength;

    public static string Write(RefreshToken token, MacKey key)
    {
        Span<byte> bytes = stackalloc byte[MaxBytes];
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt32BigEndian(bytes[KeyAt..], key.Id);
        Convert.FromHexString(token.Sid, bytes[SidAt..UserAt], out _, out _);
        token.UserId.TryWriteBytes(bytes[UserAt..GenerationAt], bigEndian: true, out _);
        BinaryPrimitives.WriteInt64BigEndian(bytes[GenerationAt..], token.Generation);
        BinaryPrimitives.WriteInt64BigEndian(bytes[ExpiresAt..], token.SessionExpiresMs);
        if (!Encoding.UTF8.TryGetBytes(token.ClientId, bytes.Slice(ClientAt, MaxClientIdBytes), out var clientLength))
            throw new ArgumentException($"A client id has at most {MaxClientIdBytes} bytes.", nameof(token));
        bytes[ClientLengthAt] = (byte)clientLength;
        var macAt = ClientAt + clientLength;
        HMACSHA256.HashData(key.Secret, bytes[..macAt], bytes[macAt..]);
        return Prefix + Base64Url.EncodeToString(bytes[..(macAt + MacLength)]);
    }

    /// <summary>Reads a text of any length and content, without any I/O.</summary>
    public static RefreshTokenReading Read(string? text, MacKeySet keys, out RefreshToken? token)
    {
        token = null;
        if (text is null || text.Length > MaxLength || !text.StartsWith(Prefix, StringComparison.Ordinal))
            return RefreshTokenReading.Refused;
        Span<byte> buffer = stackalloc byte[MaxBytes];
        if (!TryDecode(text.AsSpan(Prefix.Length), buffer, out var length) || length < ClientAt + MacLength)
            return RefreshTokenReading.Refused;
        ReadOnlySpan<byte> bytes = buffer[..length];
        var macAt = length - MacLength;
        if (bytes[0] != Version || bytes[ClientLengthAt] != macAt - ClientAt)
            return RefreshTokenReading.Refused;
        if (keys.Find(BinaryPrimitives.ReadUInt32BigEndian(bytes[KeyAt..])) is not { } key)
            return RefreshTokenReading.UnknownKey;

        Span<byte> mac = stackalloc byte[MacLength];
        HMACSHA256.HashData(key.Secret, bytes[..macAt], mac);
        if (!CryptographicOperations.FixedTimeEquals(mac, bytes[macAt..]))
            return RefreshTokenReading.Refused;

        token = new RefreshToken(
            Convert.ToHexStringLower(bytes[SidAt..UserAt]),
            new Guid(bytes[UserAt..GenerationAt], bigEndian: true),
            Encoding.UTF8.GetString(bytes[ClientAt..macAt]),
            BinaryPrimitives.ReadInt64BigEndian(bytes[GenerationAt..]),
            BinaryPrimitives.ReadInt64BigEndian(bytes[ExpiresAt..]));
        return RefreshTokenReading.Genuine;
    }

    /// <summary>
    /// Decodes the one canonical form only: no padding, no blanks, no stray bits in the last character (RFC 4648 section
    /// 3.5), any of which would give one token many texts. Encoding again tells, whatever the decoder forgives.
    /// </summary>
    private static bool TryDecode(ReadOnlySpan<char> text, Span<byte> bytes, out int length)
    {
        if (Base64Url.DecodeFromChars(text, bytes, out var read, out length) != OperationStatus.Done || read != text.Length)
            return false;
        Span<char> again = stackalloc char[Base64Url.GetEncodedLength(length)];
        return Base64Url.TryEncodeToChars(bytes[..length], again, out var written) && text.SequenceEqual(again[..written]);
    }
}
