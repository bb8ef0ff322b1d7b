using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Bench.Load;

/// <summary>A token and the id by which it is revoked.</summary>
internal sealed record AccessToken(string Text, string Jti);

/// <summary>Access tokens of the auth-service's form, signed by keys of this run.</summary>
internal sealed class Tokens : IDisposable
{
    public const string Issuer = "https://bench.test";
    public const string Audience = "gateway";
    public const string Es256 = "ES256";
    public const string Rs256 = "RS256";

    private readonly ECDsa _ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly RSA _rsa = RSA.Create(2048);
    private readonly DateTimeOffset _now = TimeProvider.System.GetUtcNow();

    public Tokens(string directory)
    {
        KeySetFile = Path.Combine(directory, "keys.json");
        File.WriteAllText(KeySetFile, KeySet().ToJsonString());
        File.WriteAllText(PemFile(directory, Es256), _ec.ExportSubjectPublicKeyInfoPem());
        File.WriteAllText(PemFile(directory, Rs256), _rsa.ExportSubjectPublicKeyInfoPem());
    }

    /// <summary>Both public keys as JWKS.</summary>
    public string KeySetFile { get; }

    public static string PemFile(string directory, string algorithm) => Path.Combine(directory, $"{algorithm}.pem");

    /// <summary>A token of one user's session; another number, another user.</summary>
    public AccessToken Make(string algorithm, int number, int lifeSeconds = 3600)
    {
        var jti = Guid.CreateVersion7(_now).ToString();
        var issued = _now.ToUnixTimeSeconds() - (lifeSeconds < 0 ? 600 : 0);
        var header = new JsonObject { ["alg"] = algorithm, ["kid"] = algorithm, ["typ"] = "at+jwt" };
        var payload = new JsonObject
        {
            ["iss"] = Issuer,
            ["sub"] = Id("sub", number).ToString(),
            ["aud"] = Audience,
            ["exp"] = _now.ToUnixTimeSeconds() + lifeSeconds,
            ["iat"] = issued,
            ["jti"] = jti,
            ["client_id"] = "demo-spa",
            ["scope"] = "openid profile",
            ["sid"] = Base64Url.EncodeToString(Id("sid", number).ToByteArray()),
            ["auth_time"] = issued,
            ["roles"] = new JsonArray("user", "editor"),
            ["name"] = $"person-{number}",
            ["token_type"] = "access",
        };
        var signed = $"{Encode(header)}.{Encode(payload)}";
        var bytes = Encoding.ASCII.GetBytes(signed);
        var signature = algorithm == Es256
            ? _ec.SignData(bytes, HashAlgorithmName.SHA256)
            : _rsa.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return new AccessToken($"{signed}.{Base64Url.EncodeToString(signature)}", jti);
    }

    public void Dispose()
    {
        _ec.Dispose();
        _rsa.Dispose();
    }

    private static Guid Id(string kind, int number) => new(SHA256.HashData(Encoding.ASCII.GetBytes($"{kind} {number}")).AsSpan(0, 16));

    private static string Encode(JsonObject json) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(json));

    private JsonObject KeySet()
    {
        var point = _ec.ExportParameters(includePrivateParameters: false).Q;
        var rsa = _rsa.ExportParameters(includePrivateParameters: false);
        return new JsonObject
        {
            ["keys"] = new JsonArray(
                new JsonObject
                {
                    ["kty"] = "EC",
                    ["crv"] = "P-256",
                    ["kid"] = Es256,
                    ["alg"] = Es256,
                    ["use"] = "sig",
                    ["x"] = Base64Url.EncodeToString(point.X),
                    ["y"] = Base64Url.EncodeToString(point.Y),
                },
                new JsonObject
                {
                    ["kty"] = "RSA",
                    ["kid"] = Rs256,
                    ["alg"] = Rs256,
                    ["use"] = "sig",
                    ["n"] = Base64Url.EncodeToString(rsa.Modulus),
                    ["e"] = Base64Url.EncodeToString(rsa.Exponent),
                }),
        };
    }
}
