using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace Gateway.Authentication;

/// <summary>What a key set holds: the keys that can be used, and why others cannot.</summary>
internal sealed record KeySet(IReadOnlyList<VerificationKey> Keys, IReadOnlyList<string> Skipped);

/// <summary>Reads public keys from JWKS (RFC 7517) and PEM (RFC 7468).</summary>
internal static class KeyReader
{
    /// <summary>More keys than any issuer has; a set beyond is not read further.</summary>
    private const int MaxKeys = 100;

    /// <summary>Reads a JWKS. Keys for other uses, or of other kinds, are skipped (RFC 7517 section 5).</summary>
    /// <exception cref="FormatException">The document is not a JWKS.</exception>
    public static KeySet FromJwks(ReadOnlyMemory<byte> json, IssuerOptions options)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return Read(document.RootElement.GetProperty("keys").EnumerateArray().Take(MaxKeys), key => FromJwk(key, options), options);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FormatException("it is not a JWKS: an object with the array \"keys\"", exception);
        }
    }

    /// <summary>Reads all public keys and certificates of a PEM text; they have no id.</summary>
    /// <exception cref="FormatException">The text holds no key, or a private one.</exception>
    public static KeySet FromPem(string text, IssuerOptions options)
    {
        var blocks = new List<(string Label, byte[] Data)>();
        for (var rest = text.AsSpan(); PemEncoding.TryFind(rest, out var fields); rest = rest[fields.Location.End..])
            blocks.Add((rest[fields.Label].ToString(), Convert.FromBase64String(rest[fields.Base64Data].ToString())));
        if (blocks.Count == 0) throw new FormatException("it holds no PEM block");
        if (blocks.Exists(block => block.Label.Contains("PRIVATE", StringComparison.Ordinal)))
            throw new FormatException("it holds a private key; the gateway needs, and should see, public ones only");
        return Read(blocks, block => FromPemBlock(block.Label, block.Data, options), options);
    }

    private static KeySet Read<T>(IEnumerable<T> sources, Func<T, VerificationKey> read, IssuerOptions options)
    {
        var keys = new List<VerificationKey>();
        var skipped = new List<string>();
        foreach (var source in sources)
        {
            try
            {
                var key = read(source);
                if (options.Algorithms.Contains(key.Algorithm)) keys.Add(key);
                else skipped.Add($"{Name(key.Kid)} is for {key.Algorithm}, which Algorithms does not name");
            }
            catch (Exception exception) when (exception is CryptographicException or FormatException)
            {
                skipped.Add(exception.Message);
            }
        }

        return new KeySet(keys, skipped);
    }

    private static VerificationKey FromJwk(JsonElement jwk, IssuerOptions options)
    {
        var kid = Text(jwk, "kid");
        var name = Name(kid);
        if (Text(jwk, "use") is { } use && use != "sig") throw new FormatException($"{name} is for \"{use}\"");
        if (jwk.TryGetProperty("key_ops", out var operations)
            && !(TokenClaims.StringOrStrings(operations) ?? []).Contains("verify"))
        {
            throw new FormatException($"{name} is not for verifying");
        }

        var alg = Text(jwk, "alg");
        try
        {
            return Text(jwk, "kty") switch
            {
                "EC" => FromEllipticCurve(jwk, kid, alg),
                "RSA" => VerificationKey.FromRsa(
                    kid, new RSAParameters { Modulus = Bytes(jwk, "n"), Exponent = Bytes(jwk, "e") }, RsaAlgorithm(name, alg, options)),
                var kty => throw new FormatException($"{name} is of the kind \"{kty}\""),
            };
        }
        catch (CryptographicException exception)
        {
            throw new FormatException($"{name} is not usable: {exception.Message}", exception);
        }
    }

    private static VerificationKey FromEllipticCurve(JsonElement jwk, string? kid, string? alg)
    {
        var curve = Text(jwk, "crv") switch
        {
            "P-256" => ECCurve.NamedCurves.nistP256,
            "P-384" => ECCurve.NamedCurves.nistP384,
            var crv => throw new FormatException($"{Name(kid)} is on the curve \"{crv}\""),
        };
        var key = VerificationKey.FromEllipticCurve(
            kid, new ECParameters { Curve = curve, Q = new ECPoint { X = Bytes(jwk, "x"), Y = Bytes(jwk, "y") } });
        return alg is null || alg == key.Algorithm ? key : throw new FormatException($"{Name(kid)} cannot be for \"{alg}\"");
    }

    private static VerificationKey FromPemBlock(string label, byte[] data, IssuerOptions options)
    {
        switch (label)
        {
            case "CERTIFICATE":
                using (var certificate = X509CertificateLoader.LoadCertificate(data))
                    return FromSubjectPublicKeyInfo(certificate.PublicKey.ExportSubjectPublicKeyInfo(), options);
            case "RSA PUBLIC KEY":
                using (var rsa = RSA.Create())
                {
                    rsa.ImportRSAPublicKey(data, out _);
                    return VerificationKey.FromRsa(null, rsa.ExportParameters(includePrivateParameters: false), RsaAlgorithm("a key", null, options));
                }

            case "PUBLIC KEY": return FromSubjectPublicKeyInfo(data, options);
            default: throw new FormatException($"a PEM block \"{label}\" is not a public key");
        }
    }

    private static VerificationKey FromSubjectPublicKeyInfo(byte[] data, IssuerOptions options)
    {
        var kind = PublicKey.CreateFromSubjectPublicKeyInfo(data, out _);
        using var ec = kind.GetECDsaPublicKey();
        if (ec is not null) return VerificationKey.FromEllipticCurve(null, ec.ExportParameters(includePrivateParameters: false));
        using var rsa = kind.GetRSAPublicKey() ?? throw new FormatException("a PEM key is neither RSA nor elliptic curve");
        return VerificationKey.FromRsa(null, rsa.ExportParameters(includePrivateParameters: false), RsaAlgorithm("a key", null, options));
    }

    /// <summary>One key, one algorithm: what the key says, or else the first RSA algorithm of the issuer.</summary>
    private static string RsaAlgorithm(string name, string? alg, IssuerOptions options) =>
        alg is null ? options.Algorithms.FirstOrDefault(SignatureAlgorithms.IsRsa) ?? throw new FormatException($"{name} is RSA, for which Algorithms names none")
        : SignatureAlgorithms.IsRsa(alg) ? alg
        : throw new FormatException($"{name} cannot be for \"{alg}\"");

    private static string? Text(JsonElement jwk, string member) =>
        jwk.TryGetProperty(member, out var value) ? value.GetString() : null;

    private static byte[] Bytes(JsonElement jwk, string member) =>
        Text(jwk, member) is { Length: > 0 } text ? Base64UrlEncoder.DecodeBytes(text) : throw new FormatException($"{Name(Text(jwk, "kid"))} has no \"{member}\"");

    private static string Name(string? kid) => kid is null ? "a key" : $"the key \"{kid}\"";
}
