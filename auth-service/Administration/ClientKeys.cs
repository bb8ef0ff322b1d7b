using System.Buffers.Text;
using System.Text.Json;

namespace AuthService.Administration;

/// <summary>The keys of a client that signs its assertions: a JWK set (RFC 7517 section 5) of public keys.</summary>
internal static class ClientKeys
{
    private const int MaxLength = 32 * 1024;
    private const int MaxKeys = 20;
    private const int ShortestModulus = 2048 / 8;
    private const int LongestModulus = 8192 / 8;

    /// <summary>Members that no public key has: RFC 7518 sections 6.2.2, 6.3.2 and 6.4.</summary>
    private static readonly string[] PrivateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

    private static readonly Dictionary<string, int> Curves = new(StringComparer.Ordinal) { ["P-256"] = 32, ["P-384"] = 48, ["P-521"] = 66 };

    /// <summary>What is wrong with the set; null if nothing is.</summary>
    public static string? Fault(string jwks)
    {
        if (jwks.Length > MaxLength) return $"At most {MaxLength} characters.";
        using var document = JsonDocument.Parse(jwks);
        if (!document.RootElement.TryGetProperty("keys", out var keys) || keys.ValueKind != JsonValueKind.Array || keys.GetArrayLength() is 0 or > MaxKeys)
            return $"This must be a JWK set with 1 to {MaxKeys} keys.";
        var kids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var key in keys.EnumerateArray())
        {
            if (Fault(key) is { } fault) return fault;
            if (keys.GetArrayLength() > 1 && (Text(key, "kid") is not { } kid || !kids.Add(kid))) return "Of several keys each needs a kid of its own.";
        }
        return null;
    }

    private static string? Fault(JsonElement key)
    {
        if (key.ValueKind != JsonValueKind.Object) return "Each key must be an object.";
        if (PrivateMembers.Any(member => key.TryGetProperty(member, out _))) return "The keys must be public ones; this set holds a private or symmetric key. Replace it: it has been sent over the network.";
        if (key.TryGetProperty("use", out _) && Text(key, "use") != "sig") return "The use of each key must be sig.";
        return Text(key, "kty") switch
        {
            "EC" => FaultOfCurve(key),
            "RSA" => FaultOfModulus(key),
            _ => "The kty of each key must be EC or RSA.",
        };
    }

    private static string? FaultOfCurve(JsonElement key)
    {
        if (Text(key, "crv") is not { } curve || !Curves.TryGetValue(curve, out var length)) return $"The crv of an EC key must be one of {string.Join(", ", Curves.Keys)}.";
        return Bytes(key, "x")?.Length == length && Bytes(key, "y")?.Length == length ? null : $"x and y of a key on {curve} must be {length} bytes each, in base64url.";
    }

    private static string? FaultOfModulus(JsonElement key)
    {
        var modulus = Bytes(key, "n");
        if (modulus is not { Length: >= ShortestModulus and <= LongestModulus } || modulus[0] == 0) return $"The modulus of an RSA key must have {ShortestModulus * 8} to {LongestModulus * 8} bits.";
        return Bytes(key, "e") is { Length: >= 1 and <= 8 } exponent && (exponent[^1] & 1) == 1 && !(exponent is [1]) ? null : "The exponent of an RSA key must be odd and above 1.";
    }

    private static string? Text(JsonElement key, string member) =>
        key.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static byte[]? Bytes(JsonElement key, string member) =>
        Text(key, member) is { } text && Base64Url.IsValid(text) ? Base64Url.DecodeFromChars(text) : null;
}
