using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using AuthService.SigningKeys;
using AuthService.Tokens;
using Microsoft.Extensions.Options;

namespace AuthService.OAuth;

/// <summary>What an ID token is to say beside what it always says.</summary>
/// <param name="Nonce">Of the authorization request; null at a refresh.</param>
/// <param name="Amr">How the user signed in (RFC 8176); null when it is not known any more.</param>
/// <param name="AccessToken">The access token that it comes with.</param>
internal sealed record IdTokenRequest(Guid UserId, string ClientId, string Sid, long AuthTimeSeconds, string? Nonce, IReadOnlyList<string>? Amr, string AccessToken)
{
    /// <summary>Without the token, which a record would print.</summary>
    public override string ToString() => $"ID token of session {Sid} for {ClientId}";
}

/// <summary>An ID token that a client gives back as a hint: of whom, for whom.</summary>
internal sealed record IdTokenHint(string Subject, string ClientId, string Sid);

/// <summary>
/// ID tokens (OpenID Connect Core section 2). They tell a client who signed in, and nothing else: the type in the header is
/// not that of an access token and <c>token_type</c> is absent, so that nothing takes one for the other.
/// </summary>
internal sealed class IdTokens(SigningKeySet keys, IOptions<AuthServiceOptions> options, TimeProvider time)
{
    private const int MaxLength = 8 * 1024;

    /// <summary>What stands in <c>claims_supported</c>.</summary>
    public static readonly string[] Claims = ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "amr"];

    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet.</exception>
    public string Issue(IdTokenRequest request)
    {
        var key = keys.Active;
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var payload = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(payload))
        {
            json.WriteStartObject();
            json.WriteString("iss", options.Value.Issuer);
            json.WriteString("sub", request.UserId.ToString("D"));
            json.WriteString("aud", request.ClientId);
            json.WriteNumber("exp", now + (long)options.Value.AccessTokenLifetime.TotalSeconds);
            json.WriteNumber("iat", now);
            json.WriteNumber("auth_time", request.AuthTimeSeconds);
            if (request.Nonce is not null) json.WriteString("nonce", request.Nonce);
            json.WriteString("at_hash", AccessTokenHash(key.Algorithm, request.AccessToken));
            json.WriteString("sid", request.Sid);
            if (request.Amr is { Count: > 0 } amr)
            {
                json.WriteStartArray("amr");
                foreach (var method in amr) json.WriteStringValue(method);
                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        return AccessTokenIssuer.Sign(key, Header(key), payload.WrittenSpan);
    }

    /// <summary>Reads an ID token that this service issued, an expired one too (OpenID Connect RP-Initiated Logout section 2);
    /// null for anything else.</summary>
    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet.</exception>
    public IdTokenHint? ReadHint(string text)
    {
        if (text.Length > MaxLength || !Ascii.IsValid(text) || text.Split('.', 4) is not [var header, var payload, var signature]) return null;
        // As with access tokens: the whole header is compared, so that nothing in it can choose anything.
        if (keys.Published.Values.FirstOrDefault(key => Header(key) == header) is not { } key) return null;
        if (!Base64Url.IsValid(payload) || !Base64Url.IsValid(signature)) return null;
        if (!key.Verify(Encoding.ASCII.GetBytes(text, 0, header.Length + 1 + payload.Length), Base64Url.DecodeFromChars(signature))) return null;
        using var document = JsonDocument.Parse(Base64Url.DecodeFromChars(payload));
        var claims = document.RootElement;
        return claims.GetProperty("iss").GetString() == options.Value.Issuer
            ? new IdTokenHint(claims.GetProperty("sub").GetString()!, claims.GetProperty("aud").GetString()!, claims.GetProperty("sid").GetString()!)
            : null;
    }

    private static string Header(SigningKey key) =>
        Base64Url.EncodeToString(Encoding.ASCII.GetBytes($$"""{"alg":"{{key.Algorithm}}","typ":"JWT","kid":"{{key.Kid}}"}"""));

    /// <summary>OpenID Connect Core section 3.1.3.6: the left half of the hash that the algorithm of the token uses.</summary>
    private static string AccessTokenHash(string algorithm, string accessToken)
    {
        var text = Encoding.ASCII.GetBytes(accessToken);
        var hash = algorithm.EndsWith("384", StringComparison.Ordinal) ? SHA384.HashData(text) : SHA256.HashData(text);
        return Base64Url.EncodeToString(hash.AsSpan(0, hash.Length / 2));
    }
}
