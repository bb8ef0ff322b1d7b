using System.Security.Cryptography;
using System.Text;

namespace ForwardedIdentity.Tokens;

/// <summary>Everything that an issued token depends on: two requests share a token only if all of it is the same.</summary>
/// <param name="Subject">Hash of the identity token that is exchanged; null for a token of the service itself.</param>
internal sealed record TokenKey(Uri Endpoint, string ClientId, string? Subject, string? Audience, string? Scope)
{
    /// <summary>For the caller's part of the key. Two texts with one hash cannot be found.</summary>
    public static string Hash(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
}

/// <summary>A token the service was given.</summary>
/// <param name="Text">The token itself.</param>
/// <param name="Life">How long it was good for when it was given.</param>
internal sealed record IssuedToken(string Text, TimeSpan Life)
{
    /// <summary>Without the token, which a record would print.</summary>
    public override string ToString() => $"[redacted], {Life}";
}
