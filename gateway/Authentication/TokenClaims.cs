using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Gateway.Authentication;

/// <summary>The claims on which the gateway decides, present and of their type (RFC 7519 section 4.1, RFC 9068 section 2.2).</summary>
internal sealed class TokenClaims
{
    /// <summary>The last second of year 9999: the latest time .NET can express.</summary>
    private const long LatestSecond = 253_402_300_799;

    private static readonly RepeatedValues<string?> Texts = new(Text);
    private static readonly RepeatedValues<IReadOnlyList<string>?> Lists = new(ReadStringOrStrings);
    private static readonly RepeatedValues<IReadOnlyList<string>?> ScopeLists = new(ReadScopes);

    public string? Issuer { get; private set; }

    public string Subject { get; private set; } = "";

    public IReadOnlyList<string> Audiences { get; private set; } = [];

    /// <summary>Unix ms.</summary>
    public long ExpiresMs { get; private set; } = -1;

    /// <summary>Unix ms.</summary>
    public long IssuedAtMs { get; private set; } = -1;

    /// <summary>Unix ms; zero without <c>nbf</c>.</summary>
    public long NotBeforeMs { get; private set; }

    public string? Jti { get; private set; }

    public string? SessionId { get; private set; }

    public string? ClientId { get; private set; }

    public string? Name { get; private set; }

    public string? TokenType { get; private set; }

    public IReadOnlyList<string> Scopes { get; private set; } = [];

    /// <summary>The member <c>roles</c>, as it is; undefined without one.</summary>
    public JsonElement Roles { get; private set; }

    /// <summary>Whether a member says that this is an ID token, a logout token or another event.</summary>
    public bool IsOtherType { get; private set; }

    /// <summary>Reads the claims; false if one that is required is missing, or one has a wrong type.</summary>
    public static bool TryRead(JsonElement payload, out TokenClaims claims)
    {
        claims = new TokenClaims();
        foreach (var member in payload.EnumerateObject())
        {
            var name = JsonMarshal.GetRawUtf8PropertyName(member);
            // A name counts by what it means, however it is escaped.
            if (name.Contains((byte)'\\')) name = Encoding.UTF8.GetBytes(member.Name);
            if (!claims.TryTake(name, member.Value)) return false;
        }

        return claims is { ExpiresMs: >= 0, IssuedAtMs: >= 0, Subject.Length: > 0, Audiences.Count: > 0 };
    }

    /// <summary>A string, or an array of strings; null for anything else.</summary>
    public static IReadOnlyList<string>? StringOrStrings(JsonElement value) => Lists.Get(value);

    private static string[]? ReadStringOrStrings(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String) return [value.GetString()!];
        if (value.ValueKind != JsonValueKind.Array) return null;
        var strings = new string[value.GetArrayLength()];
        var i = 0;
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.String) return null;
            strings[i++] = item.GetString()!;
        }

        return strings;
    }

    private bool TryTake(ReadOnlySpan<byte> name, JsonElement value)
    {
        if (name.SequenceEqual("exp"u8)) return TryTime(value, out var expires) && (ExpiresMs = expires) >= 0;
        if (name.SequenceEqual("iat"u8)) return TryTime(value, out var issued) && (IssuedAtMs = issued) >= 0;
        if (name.SequenceEqual("nbf"u8)) return TryTime(value, out var notBefore) && (NotBeforeMs = notBefore) >= 0;
        if (name.SequenceEqual("iss"u8)) return (Issuer = Texts.Get(value)) is not null;
        if (name.SequenceEqual("sub"u8)) return (Subject = Text(value) ?? "").Length > 0;
        if (name.SequenceEqual("aud"u8)) return (Audiences = StringOrStrings(value) ?? []).Count > 0;
        if (name.SequenceEqual("jti"u8)) return (Jti = Text(value)) is not null;
        if (name.SequenceEqual("sid"u8)) return (SessionId = Text(value)) is not null;
        if (name.SequenceEqual("client_id"u8)) return (ClientId = Texts.Get(value)) is not null;
        if (name.SequenceEqual("name"u8)) return (Name = Text(value)) is not null;
        if (name.SequenceEqual("token_type"u8)) return (TokenType = Texts.Get(value)) is not null;
        if (name.SequenceEqual("scope"u8)) return TryScopes(value);
        if (name.SequenceEqual("roles"u8))
        {
            Roles = value;
            return true;
        }

        // RFC 7800: the token is bound to a key whose possession nobody has proven here.
        if (name.SequenceEqual("cnf"u8)) return false;
        // OpenID Connect Core sections 2 and 3.3.2.11, Back-Channel Logout section 2.4.
        IsOtherType |= name.SequenceEqual("nonce"u8) || name.SequenceEqual("at_hash"u8) || name.SequenceEqual("c_hash"u8) || name.SequenceEqual("events"u8);
        return true;
    }

    private bool TryScopes(JsonElement value)
    {
        if (ScopeLists.Get(value) is not { } scopes) return false;
        Scopes = scopes;
        return true;
    }

    /// <summary>RFC 8693 section 4.2: space-separated. Some issuers send an array.</summary>
    private static string[]? ReadScopes(JsonElement value)
    {
        var scopes = ReadStringOrStrings(value);
        return scopes is not null && value.ValueKind == JsonValueKind.String ? scopes[0].Split(' ', StringSplitOptions.RemoveEmptyEntries) : scopes;
    }

    private static string? Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>NumericDate (RFC 7519 section 2): seconds, fractions allowed.</summary>
    private static bool TryTime(JsonElement value, out long milliseconds)
    {
        milliseconds = 0;
        if (value.ValueKind != JsonValueKind.Number) return false;
        // Whole seconds nearly always, and cheaper to read.
        if (value.TryGetInt64(out var whole))
        {
            milliseconds = whole * 1000;
            return whole is >= 0 and <= LatestSecond;
        }

        if (!value.TryGetDouble(out var seconds)) return false;
        if (seconds is not (>= 0 and <= LatestSecond)) return false;
        milliseconds = (long)(seconds * 1000);
        return true;
    }
}
