using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using AuthService.Users;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.OAuth.Clients;

/// <summary>
/// Assertions by which a client proves that it holds its private key (RFC 7523 sections 2.2 and 3). Each is for this
/// service, lives minutes, and is good once: its id is remembered in Redis until it has expired.
/// </summary>
internal sealed class ClientAssertions(SessionsConnection connection, OtherKeys keys, IOptions<AuthServiceOptions> options, TimeProvider time)
{
    /// <summary><c>client_assertion_type</c>.</summary>
    public const string Type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

    /// <summary>How far ahead an assertion may expire.</summary>
    public static readonly TimeSpan MaxLife = TimeSpan.FromMinutes(10);

    private const int MaxLength = 8 * 1024;
    private const int MaxIdLength = 256;

    private const string UseScript = "return redis.call('SET', KEYS[1], 1, 'NX', 'PX', ARGV[1]) and 1 or 0";

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 8, AllowDuplicateProperties = false };

    /// <summary>Who an assertion says the client is; proves nothing. Null for what is no assertion.</summary>
    public static string? ClientIdOf(string assertion)
    {
        try
        {
            if (assertion.Length > MaxLength || assertion.Split('.', 4) is not [_, var payload, _]) return null;
            using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(payload), Strict);
            // As in a form, where it could stand too: PostgreSQL takes no NUL in a text.
            return claims.RootElement.GetProperty("sub").GetString() is { } id && !id.Any(char.IsControl) ? id : null;
        }
        catch (Exception e) when (IsMalformed(e))
        {
            return null;
        }
    }

    /// <summary>Uses the assertion up. Null if it proves that the client is <paramref name="client"/>; else why not, for the log.</summary>
    /// <exception cref="RedisUnavailableException">It cannot be known now whether it was used before.</exception>
    public async Task<string?> UseAsync(Client client, string assertion, CancellationToken cancellationToken)
    {
        long expires;
        string id;
        try
        {
            var parts = assertion.Split('.');
            using var header = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[0]), Strict);
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]), Strict);
            if (!IsSigned(client, assertion, header.RootElement, Base64Url.DecodeFromChars(parts[2]))) return "the signature is not of a registered key";
            if (Fault(client, payload.RootElement) is { } fault) return fault;
            expires = payload.RootElement.GetProperty("exp").GetInt64();
            id = payload.RootElement.GetProperty("jti").GetString()!;
        }
        catch (Exception e) when (IsMalformed(e))
        {
            return "it is malformed";
        }

        // Last, so that only a genuine assertion takes room, and remembered beyond its end by any replica's clock.
        var life = DateTimeOffset.FromUnixTimeSeconds(expires) - time.GetUtcNow() + (4 * options.Value.MaxClockSkew);
        var fresh = (bool)await connection.Redis.EvaluateAsync(UseScript, [keys.ClientAssertion(Hash(client.ClientId, id))], [(long)life.TotalMilliseconds], cancellationToken);
        return fresh ? null : "it was used before";
    }

    private static bool IsSigned(Client client, string assertion, JsonElement header, byte[] signature)
    {
        // RFC 7515 section 4.1.11: what must be understood and is not.
        if (client.Jwks is null || header.TryGetProperty("crit", out _)) return false;
        if (header.TryGetProperty("typ", out var typ) && typ.GetString()?.ToUpperInvariant() is not ("JWT" or "CLIENT-AUTHENTICATION+JWT")) return false;
        var kid = header.TryGetProperty("kid", out var named) ? named.GetString() : null;
        var signed = Encoding.ASCII.GetBytes(assertion, 0, assertion.LastIndexOf('.'));
        return header.GetProperty("alg").GetString() is { } algorithm && ClientKeys.Verify(client.Jwks, kid, algorithm, signed, signature);
    }

    /// <summary>RFC 7523 section 3.</summary>
    private string? Fault(Client client, JsonElement claims)
    {
        var now = time.GetUtcNow();
        var skew = options.Value.MaxClockSkew;
        if (claims.GetProperty("iss").GetString() != client.ClientId || claims.GetProperty("sub").GetString() != client.ClientId) return "issuer and subject are not the client";
        if (!IsForUs(claims.GetProperty("aud"))) return "it is for another audience";
        var expires = DateTimeOffset.FromUnixTimeSeconds(claims.GetProperty("exp").GetInt64());
        if (expires + skew <= now) return "it has expired";
        if (expires > now + MaxLife + skew) return "it lives too long";
        foreach (var name in (string[])["iat", "nbf"])
        {
            if (claims.TryGetProperty(name, out var from) && DateTimeOffset.FromUnixTimeSeconds(from.GetInt64()) > now + skew) return "it is not valid yet";
        }

        return claims.GetProperty("jti").GetString() is { Length: > 0 and <= MaxIdLength } ? null : "its id is missing or too long";
    }

    /// <summary>One that is for somebody else too could be passed on by them.</summary>
    private bool IsForUs(JsonElement audience)
    {
        string[] ours = [options.Value.Issuer, options.Value.Issuer + OAuthPaths.Token];
        return audience.ValueKind == JsonValueKind.Array
            ? audience.GetArrayLength() > 0 && audience.EnumerateArray().All(one => ours.Contains(one.GetString()))
            : ours.Contains(audience.GetString());
    }

    /// <summary>The client id has no NUL, so the pair cannot be cut in two ways.</summary>
    private static string Hash(string clientId, string id) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{clientId}\0{id}")));

    private static bool IsMalformed(Exception e) => e is JsonException or FormatException or KeyNotFoundException or InvalidOperationException or ArgumentException;
}
