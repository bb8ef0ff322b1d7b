using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;

namespace AuthService.OAuth.Clients;

/// <summary>The public keys that a client has registered (RFC 7517 section 5). The key says which algorithm it is for: nothing that
/// a client sends chooses one, and there is none that a public key could be the secret of.</summary>
internal static class ClientKeys
{
    /// <summary>The algorithms an assertion may be signed with.</summary>
    public static readonly string[] Algorithms = ["ES256", "ES384", "ES512", "RS256", "PS256"];

    private const int MinRsaBits = 2048;
    private const int MaxRsaBits = 8192;

    /// <summary>Whether one of the keys made a signature.</summary>
    /// <param name="kid">A key with another id does not count; null for any.</param>
    public static bool Verify(string jwks, string? kid, string algorithm, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        try
        {
            using var document = Parse(jwks);
            foreach (var jwk in document.RootElement.GetProperty("keys").EnumerateArray())
            {
                if (kid is not null && Text(jwk, "kid") is { } own && own != kid) continue;
                using var key = Import(jwk);
                if (key is not null && (Text(jwk, "alg") ?? algorithm) == algorithm && Verify(key, algorithm, data, signature)) return true;
            }
        }
        catch (Exception e) when (IsMalformed(e))
        {
            // A set that was written past every check verifies nothing.
        }

        return false;
    }

    private static bool Verify(AsymmetricAlgorithm key, string algorithm, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature) => (key, key.KeySize, algorithm) switch
    {
        (ECDsa ec, 256, "ES256") => ec.VerifyData(data, signature, HashAlgorithmName.SHA256),
        (ECDsa ec, 384, "ES384") => ec.VerifyData(data, signature, HashAlgorithmName.SHA384),
        (ECDsa ec, 521, "ES512") => ec.VerifyData(data, signature, HashAlgorithmName.SHA512),
        (RSA rsa, _, "RS256") => rsa.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
        (RSA rsa, _, "PS256") => rsa.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
        _ => false,
    };

    private static AsymmetricAlgorithm? Import(JsonElement jwk)
    {
        if (Text(jwk, "use") is not (null or "sig") || (Text(jwk, "alg") is { } alg && !Algorithms.Contains(alg))) return null;
        switch (Text(jwk, "kty"), Text(jwk, "crv"))
        {
            case ("EC", "P-256"):
                return Ec(ECCurve.NamedCurves.nistP256, jwk);
            case ("EC", "P-384"):
                return Ec(ECCurve.NamedCurves.nistP384, jwk);
            case ("EC", "P-521"):
                return Ec(ECCurve.NamedCurves.nistP521, jwk);
            case ("RSA", null):
                var rsa = RSA.Create(new RSAParameters { Modulus = Bytes(jwk, "n"), Exponent = Bytes(jwk, "e") });
                if (rsa.KeySize is >= MinRsaBits and <= MaxRsaBits) return rsa;
                rsa.Dispose();
                return null;
            default:
                return null;
        }
    }

    private static ECDsa Ec(ECCurve curve, JsonElement jwk) =>
        ECDsa.Create(new ECParameters { Curve = curve, Q = new ECPoint { X = Bytes(jwk, "x"), Y = Bytes(jwk, "y") } });

    private static JsonDocument Parse(string jwks) => JsonDocument.Parse(jwks, new JsonDocumentOptions { MaxDepth = 8, AllowDuplicateProperties = false });

    private static byte[] Bytes(JsonElement jwk, string member) => Base64Url.DecodeFromChars(jwk.GetProperty(member).GetString());

    private static string? Text(JsonElement jwk, string member) =>
        jwk.TryGetProperty(member, out var value) ? value.GetString() ?? throw new FormatException($"'{member}' is null.") : null;

    private static bool IsMalformed(Exception e) => e is JsonException or FormatException or KeyNotFoundException or InvalidOperationException or CryptographicException or ArgumentException;
}
