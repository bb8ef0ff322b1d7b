using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace AuthService.OAuth;

/// <summary>Random values that stand for something in Redis (codes, tickets): 32 bytes, base64url. Redis has their SHA-256
/// only, so that whoever reads it can use none.</summary>
internal static class OneTimeValue
{
    private const int Bytes = 32;

    /// <summary>Characters of a value.</summary>
    public static readonly int Length = Base64Url.GetEncodedLength(Bytes);

    public static string Create() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(Bytes));

    /// <summary>SHA-256 in hex; null for a text that cannot be one of these values.</summary>
    public static string? Hash(string? value) =>
        value is not null && value.Length == Length && Base64Url.IsValid(value) ? Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(value))) : null;
}
