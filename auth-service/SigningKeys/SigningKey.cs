using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace AuthService.SigningKeys;

/// <summary>
/// A private key in memory, ready to sign. .NET promises no thread-safety for one key object, so each signature borrows
/// one from a pool; there are never more than there were signatures at one time.
/// </summary>
internal sealed class SigningKey
{
    private readonly byte[] _pkcs8;
    private readonly ConcurrentBag<AsymmetricAlgorithm> _pool = [];

    private SigningKey(string algorithm, byte[] pkcs8)
    {
        Algorithm = algorithm;
        _pkcs8 = pkcs8;
        var key = Import();
        PublicJwk = Jwk(key, algorithm, out var kid);
        Kid = kid;
        EncodedHeader = Base64Url.EncodeToString(Encoding.ASCII.GetBytes($$"""{"alg":"{{algorithm}}","typ":"at+jwt","kid":"{{kid}}"}"""));
        _pool.Add(key);
    }

    /// <summary><c>alg</c>.</summary>
    public string Algorithm { get; }

    /// <summary>The RFC 7638 thumbprint of the public key.</summary>
    public string Kid { get; }

    /// <summary>The public key as JSON, with <c>kid</c>, <c>alg</c> and <c>use</c>.</summary>
    public string PublicJwk { get; }

    /// <summary>The JOSE header of an access token under this key, base64url (RFC 9068 section 2.1).</summary>
    public string EncodedHeader { get; }

    /// <summary>Makes a new key.</summary>
    public static SigningKey Generate(string algorithm)
    {
        using AsymmetricAlgorithm key = algorithm switch
        {
            SigningAlgorithm.Es256 => ECDsa.Create(ECCurve.NamedCurves.nistP256),
            SigningAlgorithm.Es384 => ECDsa.Create(ECCurve.NamedCurves.nistP384),
            _ => RSA.Create(2048),
        };
        return new SigningKey(algorithm, key.ExportPkcs8PrivateKey());
    }

    /// <summary>Reads a key back; takes the bytes over.</summary>
    public static SigningKey FromPkcs8(string algorithm, byte[] pkcs8) => new(algorithm, pkcs8);

    /// <summary>The private key, to be sealed at once.</summary>
    public ReadOnlySpan<byte> ExportPkcs8() => _pkcs8;

    /// <summary>The JWS signature (RFC 7515 section 5.1).</summary>
    public byte[] Sign(ReadOnlySpan<byte> data)
    {
        if (!_pool.TryTake(out var key)) key = Import();
        try
        {
            return (key, Algorithm) switch
            {
                (ECDsa ec, SigningAlgorithm.Es256) => ec.SignData(data, HashAlgorithmName.SHA256),
                (ECDsa ec, SigningAlgorithm.Es384) => ec.SignData(data, HashAlgorithmName.SHA384),
                (RSA rsa, SigningAlgorithm.Rs256) => rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
                (RSA rsa, SigningAlgorithm.Ps256) => rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
                _ => throw new InvalidOperationException($"A key of type {key.GetType().Name} cannot sign {Algorithm}."),
            };
        }
        finally
        {
            _pool.Add(key);
        }
    }

    /// <summary>Whether a JWS signature is this key's (RFC 7515 section 5.2).</summary>
    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        if (!_pool.TryTake(out var key)) key = Import();
        try
        {
            return (key, Algorithm) switch
            {
                (ECDsa ec, SigningAlgorithm.Es256) => ec.VerifyData(data, signature, HashAlgorithmName.SHA256),
                (ECDsa ec, SigningAlgorithm.Es384) => ec.VerifyData(data, signature, HashAlgorithmName.SHA384),
                (RSA rsa, SigningAlgorithm.Rs256) => rsa.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1),
                (RSA rsa, SigningAlgorithm.Ps256) => rsa.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pss),
                _ => throw new InvalidOperationException($"A key of type {key.GetType().Name} cannot verify {Algorithm}."),
            };
        }
        finally
        {
            _pool.Add(key);
        }
    }

    private AsymmetricAlgorithm Import()
    {
        AsymmetricAlgorithm key = Algorithm is SigningAlgorithm.Es256 or SigningAlgorithm.Es384 ? ECDsa.Create() : RSA.Create();
        key.ImportPkcs8PrivateKey(_pkcs8, out _);
        return key;
    }

    private static string Jwk(AsymmetricAlgorithm key, string algorithm, out string kid)
    {
        // RFC 7638 section 3.2: the required members in lexicographic order, without blanks; all values are base64url or a curve name.
        string members;
        if (key is ECDsa ec)
        {
            var parameters = ec.ExportParameters(includePrivateParameters: false);
            var curve = algorithm == SigningAlgorithm.Es256 ? "P-256" : "P-384";
            members = $$"""{"crv":"{{curve}}","kty":"EC","x":"{{Base64Url.EncodeToString(parameters.Q.X)}}","y":"{{Base64Url.EncodeToString(parameters.Q.Y)}}"}""";
        }
        else
        {
            var parameters = ((RSA)key).ExportParameters(includePrivateParameters: false);
            members = $$"""{"e":"{{Base64Url.EncodeToString(parameters.Exponent)}}","kty":"RSA","n":"{{Base64Url.EncodeToString(parameters.Modulus)}}"}""";
        }
        kid = Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(members)));
        return $$"""{"kid":"{{kid}}","use":"sig","alg":"{{algorithm}}",{{members[1..]}}""";
    }
}
