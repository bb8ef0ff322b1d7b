using System.Security.Cryptography;
using Microsoft.IdentityModel.Tokens;

namespace Gateway.Authentication;

/// <summary>
/// One public key of one issuer, with the one algorithm it is for. What a token's header says about its algorithm can
/// choose among keys, never how a key is used (RFC 8725 section 3.1).
/// </summary>
internal sealed class VerificationKey
{
    public const int MinRsaBits = 2048;

    private static readonly CryptoProviderFactory Crypto = new() { CacheSignatureProviders = false };

    private readonly SignatureProvider _provider;
    private readonly int _signatureLength;
    private volatile bool _isWithdrawn;

    private VerificationKey(string? kid, string algorithm, string material, JsonWebKey key, int signatureLength)
    {
        Kid = kid;
        Algorithm = algorithm;
        Material = material;
        _signatureLength = signatureLength;
        Alone = [this];
        // The provider that JsonWebTokenHandler runs on; it may be used by many threads at once.
        _provider = Crypto.CreateForVerifying(key, algorithm);
    }

    /// <summary>The key as a list of keys.</summary>
    public IReadOnlyList<VerificationKey> Alone { get; }

    /// <summary>The key's id; null in a PEM file.</summary>
    public string? Kid { get; }

    /// <summary>The algorithm, one of <see cref="SignatureAlgorithms"/>.</summary>
    public string Algorithm { get; }

    /// <summary>The public numbers as text: the same key again, or another one under the same id.</summary>
    public string Material { get; }

    /// <summary>Whether the issuer no longer has the key. Never reset: a key that comes back is a new object.</summary>
    public bool IsWithdrawn => _isWithdrawn;

    /// <summary>An elliptic-curve key; its curve decides the algorithm.</summary>
    /// <exception cref="CryptographicException">The point is not on the curve, or the curve is not supported.</exception>
    public static VerificationKey FromEllipticCurve(string? kid, ECParameters parameters)
    {
        using var key = ECDsa.Create(parameters);
        var (algorithm, curve) = key.KeySize switch
        {
            256 when IsCurve(parameters, ECCurve.NamedCurves.nistP256) => (SignatureAlgorithms.Es256, "P-256"),
            384 when IsCurve(parameters, ECCurve.NamedCurves.nistP384) => (SignatureAlgorithms.Es384, "P-384"),
            _ => throw new CryptographicException("only the curves P-256 and P-384 are supported"),
        };
        var (x, y) = (Base64UrlEncoder.Encode(parameters.Q.X), Base64UrlEncoder.Encode(parameters.Q.Y));
        var jwk = new JsonWebKey { Kty = "EC", Crv = curve, X = x, Y = y, KeyId = kid };
        return new VerificationKey(kid, algorithm, $"{algorithm} {x} {y}", jwk, key.KeySize / 4);
    }

    /// <summary>An RSA key for one algorithm.</summary>
    /// <exception cref="CryptographicException">The key is too short or not a key.</exception>
    public static VerificationKey FromRsa(string? kid, RSAParameters parameters, string algorithm)
    {
        using var key = RSA.Create(parameters);
        if (key.KeySize < MinRsaBits) throw new CryptographicException($"an RSA key needs at least {MinRsaBits} bits, this has {key.KeySize}");
        var (n, e) = (Base64UrlEncoder.Encode(parameters.Modulus), Base64UrlEncoder.Encode(parameters.Exponent));
        var jwk = new JsonWebKey { Kty = "RSA", N = n, E = e, KeyId = kid };
        return new VerificationKey(kid, algorithm, $"{algorithm} {n} {e}", jwk, (key.KeySize + 7) / 8);
    }

    /// <summary>Whether this key made the signature over the first bytes of the token.</summary>
    public bool Verify(byte[] token, int signedLength, byte[] signature)
    {
        try
        {
            return signature.Length == _signatureLength && _provider.Verify(token, 0, signedLength, signature, 0, signature.Length);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    internal void Withdraw() => _isWithdrawn = true;

    private static bool IsCurve(ECParameters parameters, ECCurve curve) => parameters.Curve.Oid.Value == curve.Oid.Value;
}
