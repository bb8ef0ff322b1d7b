using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using AuthService.Revocation;
using AuthService.SigningKeys;
using Microsoft.Extensions.Options;
using RevocationProtocol;
using ServiceHosting;

namespace AuthService.Tokens;

/// <summary>
/// Verifies access tokens of this very service. It knows more than a stranger would: the header of a token it issued is,
/// byte for byte, the one header of one of its keys. So the key is found by the whole header, and nothing in a token can
/// choose an algorithm, a type or anything else (RFC 8725 sections 3.1, 3.11).
/// </summary>
internal sealed class AccessTokenVerifier(SigningKeySet keys, IOptions<AuthServiceOptions> options, RevocationService revocation, TimeProvider time)
{
    /// <summary>As at the gateway.</summary>
    public const int MaxLength = 8 * 1024;

    /// <summary>The token if a gateway would accept it now, else why not.</summary>
    /// <param name="anyAudience">Also one that was issued for another audience than ours, by a token exchange.</param>
    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet.</exception>
    public AccessTokenReading Verify(string text, bool anyAudience = false)
    {
        if (text.Length > MaxLength || !Ascii.IsValid(text) || text.Split('.', 4) is not [var header, var payload, var signature])
            return AccessTokenReading.Refused(AccessTokenReading.Malformed);
        if (Decode(payload) is not { } claims || Decode(signature) is not { } signatureBytes || Decode(header) is null)
            return AccessTokenReading.Refused(AccessTokenReading.Malformed);
        if (keys.Published.Values.FirstOrDefault(key => key.EncodedHeader == header) is not { } key
            || !key.Verify(Encoding.ASCII.GetBytes(text, 0, header.Length + 1 + payload.Length), signatureBytes))
            return AccessTokenReading.Refused(AccessTokenReading.BadSignature);
        using var document = JsonDocument.Parse(claims);
        return Judge(document.RootElement, key.Kid, anyAudience);
    }

    /// <summary>The key that a token names, which proves nothing; null if it names none.</summary>
    public static string? KeyIdOf(string text)
    {
        if (text.Length > MaxLength || text.Split('.', 4) is not [var header, _, _] || Decode(header) is not { } json) return null;
        try
        {
            using var document = UntrustedJson.Parse(json, maxDepth: 2);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("kid", out var kid) ? UntrustedJson.Text(kid) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private AccessTokenReading Judge(JsonElement claims, string kid, bool anyAudience)
    {
        var settings = options.Value;
        if (Text(claims, "token_type") != "access")
            return AccessTokenReading.Refused(AccessTokenReading.WrongType);
        if (Text(claims, "iss") != settings.Issuer)
            return AccessTokenReading.Refused(AccessTokenReading.WrongIssuer);
        if (!anyAudience && Text(claims, "aud") != settings.Audience)
            return AccessTokenReading.Refused(AccessTokenReading.WrongAudience);
        if (Text(claims, "sub") is not { } subject || Text(claims, "client_id") is not { } clientId || Text(claims, "jti") is not { } jti
            || !claims.TryGetProperty("exp", out var exp) || !exp.TryGetInt64(out var expires)
            || !claims.TryGetProperty("iat", out var iat) || !iat.TryGetInt64(out var issued))
            return AccessTokenReading.Refused(AccessTokenReading.Malformed);
        var now = time.GetUtcNow();
        var expiresAt = DateTimeOffset.FromUnixTimeSeconds(expires);
        if (now >= expiresAt)
            return AccessTokenReading.Refused(AccessTokenReading.Expired);
        if (DateTimeOffset.FromUnixTimeSeconds(issued) > now + settings.MaxClockSkew)
            return AccessTokenReading.Refused(AccessTokenReading.NotYetValid);

        var sid = Text(claims, "sid");
        var revocable = new RevocableToken(settings.Issuer, jti, sid, kid, subject, clientId, IssueTimeMs(jti));
        return revocation.Check(revocable) switch
        {
            RevocationVerdict.Revoked => AccessTokenReading.Refused(AccessTokenReading.Revoked),
            RevocationVerdict.Unknown => AccessTokenReading.Refused(AccessTokenReading.RevocationUnknown),
            _ => new AccessTokenReading(
                new OwnAccessToken(
                    subject, sid is not null && Guid.TryParse(subject, out var userId) ? userId : null, clientId, Text(claims, "scope") ?? "", sid,
                    Roles(claims), jti, expiresAt, revocable),
                null),
        };
    }

    /// <summary>The time in a UUIDv7 (RFC 9562 section 5.7): the issue time, which cut-offs are compared with.</summary>
    private static long IssueTimeMs(string jti) =>
        Guid.TryParseExact(jti, "D", out _) ? long.Parse(string.Concat(jti.AsSpan(0, 8), jti.AsSpan(9, 4)), NumberStyles.AllowHexSpecifier) : 0;

    private static string[] Roles(JsonElement claims) =>
        claims.TryGetProperty("roles", out var roles) ? [.. roles.EnumerateArray().Select(role => role.GetString()!)] : [];

    private static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>Canonical base64url only (RFC 4648 section 3.5), or null.</summary>
    private static byte[]? Decode(string part)
    {
        var bytes = new byte[Base64Url.GetMaxDecodedLength(part.Length)];
        if (part.Length == 0 || Base64Url.DecodeFromChars(part, bytes, out _, out var length) != OperationStatus.Done)
            return null;
        var decoded = bytes[..length];
        return Base64Url.EncodeToString(decoded) == part ? decoded : null;
    }
}
