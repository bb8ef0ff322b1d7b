using System.Security.Cryptography;
using System.Text;

namespace AuthService.SecondFactor;

/// <summary>Codes for the day the authenticator is lost: ten, each good once, with 80 random bits each, so that a fast hash
/// keeps them.</summary>
internal static class RecoveryCodes
{
    public const int Count = 10;

    private const int Bytes = 10;
    private const int Letters = 16;

    /// <summary>New codes as people read them: <c>abcd-efgh-ijkl-mnop</c>.</summary>
    public static string[] New() => [.. Enumerable.Range(0, Count).Select(_ =>
        string.Join('-', Totp.Text(RandomNumberGenerator.GetBytes(Bytes)).ToLowerInvariant().Chunk(4).Select(four => new string(four))))];

    /// <summary>What the database keeps; null for what cannot be a code. Case, blanks and dashes do not count.</summary>
    public static string? Hash(string code)
    {
        if (code.Length > 2 * Letters) return null;
        var letters = code.Replace("-", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal).ToUpperInvariant();
        return letters.Length == Letters && letters.All(c => c is (>= 'A' and <= 'Z') or (>= '2' and <= '7'))
            ? Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(letters)))
            : null;
    }
}
