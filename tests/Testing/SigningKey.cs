using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Testing;

/// <summary>A private key that signs tokens, and its public half in the forms a verifier reads.</summary>
public sealed class SigningKey : IDisposable
{
    private readonly ECDsa? _ec;
    private readonly RSA? _rsa;

    private SigningKey(string algorithm, string kid, ECDsa? ec, RSA? rsa) => (Algorithm, Kid, _ec, _rsa) = (algorithm, kid, ec, rsa);

    public string Algorithm { get; }

    public string Kid { get; }

    public string PublicPem => _ec?.ExportSubjectPublicKeyInfoPem() ?? _rsa!.ExportSubjectPublicKeyInfoPem();

    public string PrivatePem => _ec?.ExportPkcs8PrivateKeyPem() ?? _rsa!.ExportPkcs8PrivateKeyPem();

    /// <summary>Makes a key for ES256, ES384, RS256 or PS256.</summary>
    public static SigningKey Create(string algorithm = "ES256", string kid = "key-1", int rsaBits = 2048) => algorithm switch
    {
        "ES256" => new SigningKey(algorithm, kid, ECDsa.Create(ECCurve.NamedCurves.nistP256), null),
        "ES384" => new SigningKey(algorithm, kid, ECDsa.Create(ECCurve.NamedCurves.nistP384), null),
        "RS256" or "PS256" => new SigningKey(algorithm, kid, null, RSA.Create(rsaBits)),
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, "Not an algorithm of the tests."),
    };

    /// <summary>The public key as a JWK, which a test may spoil.</summary>
    public JsonObject Jwk()
    {
        var jwk = new JsonObject { ["kid"] = Kid, ["use"] = "sig", ["alg"] = Algorithm };
        if (_ec is not null)
        {
            var point = _ec.ExportParameters(includePrivateParameters: false).Q;
            jwk["kty"] = "EC";
            jwk["crv"] = _ec.KeySize == 256 ? "P-256" : "P-384";
            jwk["x"] = Base64Url.EncodeToString(point.X);
            jwk["y"] = Base64Url.EncodeToString(point.Y);
        }
        else
        {
            var numbers = _rsa!.ExportParameters(includePrivateParameters: false);
            jwk["kty"] = "RSA";
            jwk["n"] = Base64Url.EncodeToString(numbers.Modulus);
            jwk["e"] = Base64Url.EncodeToString(numbers.Exponent);
        }

        return jwk;
    }

    /// <summary>The same key under another id.</summary>
    public SigningKey As(string kid) => new(Algorithm, kid, _ec, _rsa);

    /// <summary>The signature over a text, with another algorithm of the same kind of key if asked for.</summary>
    public byte[] Sign(string text, string? algorithm = null)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return (algorithm ?? Algorithm) switch
        {
            "ES256" => _ec!.SignData(bytes, HashAlgorithmName.SHA256),
            "ES384" => _ec!.SignData(bytes, HashAlgorithmName.SHA384),
            "RS256" => _rsa!.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
            _ => _rsa!.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
        };
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _ec?.Dispose();
        _rsa?.Dispose();
    }
}
