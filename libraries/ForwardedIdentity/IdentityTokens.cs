using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace ForwardedIdentity;

/// <summary>What makes a text an identity token of the gateway.</summary>
internal static class IdentityTokens
{
    /// <summary>The header's <c>typ</c>: an access or ID token is never an identity token (RFC 8725 section 3.11).</summary>
    public const string Type = "identity+jwt";

    /// <summary>The gateway keeps all its identity headers together below 8 KiB.</summary>
    public const int MaxLength = 16 * 1024;

    /// <summary>The rules for Microsoft's token handler. Nothing in a token chooses its algorithm or key but by naming a
    /// <c>kid</c> that the gateway publishes.</summary>
    public static TokenValidationParameters Rules(string issuer, IEnumerable<string> audiences, TimeSpan clockSkew, IdentityKeys keys) => new()
    {
        ValidIssuer = issuer,
        ValidAudiences = audiences,
        ValidTypes = [Type],
        ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256],
        RequireExpirationTime = true,
        RequireSignedTokens = true,
        TryAllIssuerSigningKeys = false,
        IssuerSigningKeyResolver = (_, _, kid, _) => keys.Find(kid) is { } key ? [key] : [],
        ClockSkew = clockSkew,
        NameClaimType = ForwardedClaims.Name,
        RoleClaimType = ForwardedClaims.Roles,
    };

    /// <summary>The <c>kid</c> that the token names, before anything about it is proven; null for what is no token of ours.</summary>
    public static string? Kid(string token)
    {
        var end = token.IndexOf('.', StringComparison.Ordinal);
        if (end is <= 0 or > 1024 || token.Length > MaxLength) return null;
        var header = new byte[Base64Url.GetMaxDecodedLength(end)];
        if (Base64Url.DecodeFromChars(token.AsSpan(0, end), header, out _, out var length) != OperationStatus.Done) return null;
        try
        {
            using var json = JsonDocument.Parse(header.AsMemory(0, length), new JsonDocumentOptions { AllowDuplicateProperties = false });
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("kid", out var kid) && kid.ValueKind == JsonValueKind.String
                ? kid.GetString()
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
