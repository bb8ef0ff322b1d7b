using System.Buffers.Binary;
using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Gateway.Forwarding;

/// <summary>
/// A private key that signs identity tokens with ES256. One key object serves one thread at a time, so each signature borrows
/// one from a pool.
/// </summary>
internal sealed class IdentityKey
{
    /// <summary>Bytes of an ES256 signature (RFC 7518 section 3.4).</summary>
    public const int SignatureLength = 64;

    private const byte Version = 1;
    private const int PrefixLength = 1 + sizeof(long);

    private readonly byte[] _pkcs8;
    private readonly ConcurrentBag<ECDsa> _pool = [];

    private IdentityKey(byte[] pkcs8, long createdMs)
    {
        _pkcs8 = pkcs8;
        CreatedMs = createdMs;
        var key = Import();
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        var (x, y) = (Base64Url.EncodeToString(point.X), Base64Url.EncodeToString(point.Y));
        // RFC 7638 section 3: the required members in lexicographic order, without blanks.
        Kid = Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes($$"""{"crv":"P-256","kty":"EC","x":"{{x}}","y":"{{y}}"}""")));
        Jwk = $$"""{"kid":"{{Kid}}","use":"sig","alg":"ES256","kty":"EC","crv":"P-256","x":"{{x}}","y":"{{y}}"}""";
        EncodedHeader = Base64Url.EncodeToUtf8(Encoding.UTF8.GetBytes($$"""{"alg":"ES256","typ":"identity+jwt","kid":"{{Kid}}"}"""));
        _pool.Add(key);
    }

    /// <summary>The RFC 7638 thumbprint of the public key.</summary>
    public string Kid { get; }

    /// <summary>When it was made, Unix ms. Its whole schedule follows from this, so it is sealed with the key.</summary>
    public long CreatedMs { get; }

    /// <summary>The public key.</summary>
    public string Jwk { get; }

    /// <summary>The JOSE header of every token under this key, base64url.</summary>
    public byte[] EncodedHeader { get; }

    public static IdentityKey Generate(long nowMs)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new IdentityKey(key.ExportPkcs8PrivateKey(), nowMs);
    }

    /// <summary>What is to be sealed at once: version, time of making, private key.</summary>
    public byte[] Export()
    {
        var bytes = new byte[PrefixLength + _pkcs8.Length];
        bytes[0] = Version;
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(1), CreatedMs);
        _pkcs8.CopyTo(bytes, PrefixLength);
        return bytes;
    }

    /// <summary>Reads <see cref="Export"/> back.</summary>
    /// <exception cref="CryptographicException">It is no such key.</exception>
    public static IdentityKey Import(ReadOnlySpan<byte> exported)
    {
        if (exported.Length <= PrefixLength || exported[0] != Version) throw new CryptographicException("It is not an identity key of version 1.");
        return new IdentityKey(exported[PrefixLength..].ToArray(), BinaryPrimitives.ReadInt64BigEndian(exported[1..]));
    }

    /// <summary>The JWS signature (RFC 7515 section 5.1).</summary>
    public void Sign(ReadOnlySpan<byte> data, Span<byte> signature)
    {
        if (!_pool.TryTake(out var key)) key = Import();
        try
        {
            key.SignData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        finally
        {
            _pool.Add(key);
        }
    }

    private ECDsa Import()
    {
        var key = ECDsa.Create();
        key.ImportPkcs8PrivateKey(_pkcs8, out _);
        if (key.KeySize == 256) return key;
        key.Dispose();
        throw new CryptographicException("It is not a key of the curve P-256.");
    }
}
