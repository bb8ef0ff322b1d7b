using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace AuthService.Users;

/// <summary>
/// Client secrets at rest: salted SHA-256. A fast hash is enough because the service makes these secrets itself
/// (32 random bytes); passwords, which people make, are hashed slowly.
/// </summary>
internal static class ClientSecret
{
    private const string Version = "s1";
    private const int SaltLength = 16;

    public static string Hash(string secret)
    {
        Span<byte> salt = stackalloc byte[SaltLength];
        RandomNumberGenerator.Fill(salt);
        return string.Join('.', Version, Base64Url.EncodeToString(salt), Base64Url.EncodeToString(Compute(salt, secret)));
    }

    public static bool Matches(string? hash, string secret)
    {
        if (hash?.Split('.') is not [Version, var salt, var expected]) return false;
        return CryptographicOperations.FixedTimeEquals(Compute(Base64Url.DecodeFromChars(salt), secret), Base64Url.DecodeFromChars(expected));
    }

    private static byte[] Compute(ReadOnlySpan<byte> salt, string secret) =>
        HMACSHA256.HashData(salt, Encoding.UTF8.GetBytes(secret));
}
