using System.Buffers.Text;
using System.Text;
using System.Text.Json.Nodes;

namespace Testing;

/// <summary>Makes access tokens as the auth-service does, and any other text that pretends to be one.</summary>
public static class TokenForge
{
    /// <summary>A valid token of the auth-service's form. The changes make what is wrong with it.</summary>
    public static string Token(
        SigningKey key, string issuer, DateTimeOffset now, Action<JsonObject>? payload = null, Action<JsonObject>? header = null)
    {
        var (head, body) = (Header(key), Payload(issuer, now));
        header?.Invoke(head);
        payload?.Invoke(body);
        return Sign(key, head.ToJsonString(), body.ToJsonString());
    }

    public static JsonObject Header(SigningKey key) => new() { ["alg"] = key.Algorithm, ["kid"] = key.Kid, ["typ"] = "at+jwt" };

    public static JsonObject Payload(string issuer, DateTimeOffset now) => new()
    {
        ["iss"] = issuer,
        ["sub"] = "5f0c8a3e-6a0f-4a43-9d1b-0d4a7c0e5f11",
        ["aud"] = "gateway",
        ["exp"] = now.ToUnixTimeSeconds() + 300,
        ["iat"] = now.ToUnixTimeSeconds(),
        ["jti"] = Guid.CreateVersion7(now).ToString(),
        ["client_id"] = "api",
        ["scope"] = "profile orders.read",
        ["sid"] = "c2lkLW9mLXRoZS10ZXN0cw",
        ["auth_time"] = now.ToUnixTimeSeconds(),
        ["roles"] = new JsonArray("user"),
        ["name"] = "Alice",
        ["token_type"] = "access",
    };

    /// <summary>Any header and payload text, truly signed.</summary>
    public static string Sign(SigningKey key, string header, string payload) =>
        Sign(key, Encoding.UTF8.GetBytes(header), Encoding.UTF8.GetBytes(payload));

    /// <summary>Any header and payload bytes, truly signed.</summary>
    public static string Sign(SigningKey key, byte[] header, byte[] payload, string? algorithm = null)
    {
        var signed = $"{Base64Url.EncodeToString(header)}.{Base64Url.EncodeToString(payload)}";
        return $"{signed}.{Base64Url.EncodeToString(key.Sign(signed, algorithm))}";
    }

    /// <summary>Any header and payload text with any signature.</summary>
    public static string Join(string header, string payload, byte[] signature) =>
        $"{Encode(header)}.{Encode(payload)}.{Base64Url.EncodeToString(signature)}";

    public static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
