using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using AuthService.Claims;
using AuthService.OAuth;
using AuthService.SigningKeys;
using Microsoft.Extensions.Options;

namespace AuthService.Tokens;

/// <summary>Signs access tokens (RFC 9068).</summary>
internal sealed class AccessTokenIssuer(SigningKeyStore keys, IOptions<AuthServiceOptions> options, TimeProvider time)
{
    /// <summary>A token is read by parsers, never by a page: letters of any script stand as they are, which keeps it short.</summary>
    private static readonly JsonWriterOptions Unescaped = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Signs a token with the active key.</summary>
    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet.</exception>
    /// <exception cref="AccessTokenTooLargeException">Roles and claims are too many.</exception>
    public async ValueTask<IssuedAccessToken> IssueAsync(AccessTokenRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        cancellationToken.ThrowIfCancellationRequested();
        var key = await keys.ActiveAsync(request.SigningKeyId, cancellationToken);
        // The issue time may run ahead of the clock (it stands in the jti); iat does not, or verifiers would refuse the token.
        var issuedAt = time.GetUtcNow().ToUnixTimeSeconds();
        var expiresAt = Math.Min(issuedAt + (long)options.Value.AccessTokenLifetime.TotalSeconds, request.ExpiresAtMostSeconds ?? long.MaxValue);
        // Version 7 carries a time; it must be the issue time, which revocations are compared with.
        var jti = Guid.CreateVersion7(DateTimeOffset.FromUnixTimeMilliseconds(request.IssueTimeMs)).ToString();

        var payload = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(payload, Unescaped))
        {
            json.WriteStartObject();
            json.WriteString("iss", options.Value.Issuer);
            json.WriteString("sub", request.Subject);
            json.WriteString("aud", request.Audience ?? options.Value.Audience);
            json.WriteNumber("exp", expiresAt);
            json.WriteNumber("iat", issuedAt);
            json.WriteString("jti", jti);
            json.WriteString("client_id", request.ClientId);
            if (request.Scope.Length > 0) json.WriteString("scope", request.Scope);
            if (request.Sid is not null) json.WriteString("sid", request.Sid);
            if (request.AuthTimeSeconds is { } authTime) json.WriteNumber("auth_time", authTime);
            if (request.Roles is not null) WriteRoles(json, request.Roles);
            if (request.Name is not null) json.WriteString("name", request.Name);
            json.WriteString("token_type", "access");
            if (request.Actor is not null)
            {
                json.WritePropertyName(Actor.Claim);
                request.Actor.Write(json);
            }
            if (request.ExtraClaims is not null) WriteExtraClaims(json, request.ExtraClaims);
            json.WriteEndObject();
        }
        var token = Sign(key, key.EncodedHeader, payload.WrittenSpan);
        // Nobody would accept it, and to leave claims out could give more rights than they do.
        if (token.Length > AccessTokenVerifier.MaxLength) throw new AccessTokenTooLargeException(request.Subject, request.ClientId, token.Length);
        return new IssuedAccessToken(token, jti, expiresAt);
    }

    private static void WriteRoles(Utf8JsonWriter json, IReadOnlyList<string> roles)
    {
        json.WriteStartArray("roles");
        foreach (var role in roles) json.WriteStringValue(role);
        json.WriteEndArray();
    }

    private static void WriteExtraClaims(Utf8JsonWriter json, IReadOnlyDictionary<string, object> claims)
    {
        foreach (var (name, value) in claims)
        {
            if (ReservedClaims.Names.Contains(name)) throw new ArgumentException($"The claim '{name}' cannot be configured: it has a meaning of its own.", nameof(claims));
            json.WritePropertyName(name);
            JsonSerializer.Serialize(json, value);
        }
    }

    /// <summary>RFC 7515 section 7.1, compact serialization.</summary>
    /// <param name="header">The JOSE header, base64url.</param>
    internal static string Sign(SigningKey key, string header, ReadOnlySpan<byte> payload)
    {
        var signedLength = header.Length + 1 + Base64Url.GetEncodedLength(payload.Length);
        var buffer = ArrayPool<byte>.Shared.Rent(signedLength);
        try
        {
            Encoding.ASCII.GetBytes(header, buffer);
            buffer[header.Length] = (byte)'.';
            Base64Url.EncodeToUtf8(payload, buffer.AsSpan(header.Length + 1));
            var signed = buffer.AsSpan(0, signedLength);
            return string.Concat(Encoding.ASCII.GetString(signed), ".", Base64Url.EncodeToString(key.Sign(signed)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

/// <summary>Roles and custom claims of a user make a token that no gateway takes.</summary>
internal sealed class AccessTokenTooLargeException(string subject, string clientId, int length)
    : Exception($"The access token of {subject} for client {clientId} would have {length} characters; gateways take {AccessTokenVerifier.MaxLength}. Take roles or claims from the user, or rules from the client.");
