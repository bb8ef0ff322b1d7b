using System.Buffers.Text;
using System.Text.Json;

namespace AuthService.Tests.OAuth;

/// <summary>What stands in tokens, unverified.</summary>
internal static class TokenTexts
{
    internal static JsonElement Header(string token) => Part(token, 0);

    internal static JsonElement Claims(string token) => Part(token, 1);

    private static JsonElement Part(string token, int part)
    {
        using var document = JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[part]));
        return document.RootElement.Clone();
    }
}
