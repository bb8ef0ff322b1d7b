using System.Text;
using System.Text.Json.Nodes;
using Gateway.Authentication;
using Testing;

namespace Gateway.Tests.Authentication;

/// <summary>Each clause of the strict reader: every token here is truly signed, so only the reader can refuse it.</summary>
public sealed class StrictTokenReaderTests
{
    private static readonly SigningKey Key = SigningKey.Create();
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly string Header = TokenForge.Header(Key).ToJsonString();
    private static readonly string Payload = TokenForge.Payload("http://issuer.example", Now).ToJsonString();

    public static TheoryData<string> RefusedHeaders =>
    [
        "", "null", "[]", "\"alg\"", "1", "{", "{}", "{}{}",
        With("\"crit\":[\"exp\"]"), With("\"crit\":[]"), With("\"jwk\":{}"), With("\"jku\":\"http://evil.example\""),
        With("\"x5u\":\"http://evil.example\""), With("\"x5c\":[]"), With("\"b64\":false"), With("\"zip\":\"DEF\""),
        With("\"enc\":\"A256GCM\""), With("\"p2c\":1"), With("\"unknown\":\"x\""), With("\"KID\":\"x\""),
        // Duplicates, also in another spelling of the same name.
        With("\"alg\":\"ES256\""), With("\"kid\":\"key-1\""), With("\"\\u0061lg\":\"none\""), With("\"k\\u0069d\":\"other\""),
        With("\"typ\":\"at+jwt\""),
        // Wrong types.
        Replaced("\"alg\":\"ES256\"", "\"alg\":256"), Replaced("\"alg\":\"ES256\"", "\"alg\":[\"ES256\"]"), Replaced("\"alg\":\"ES256\"", "\"alg\":null"),
        Replaced("\"kid\":\"key-1\"", "\"kid\":1"), Replaced("\"kid\":\"key-1\"", "\"kid\":null"), Replaced("\"typ\":\"at\\u002Bjwt\"", "\"typ\":{}"),
        With("\"cty\":1"), With("\"x5t\":[]"), With("\"x5t#S256\":null"),
        // No algorithm, none, and what the verifier could make itself.
        Replaced("\"alg\":\"ES256\",", ""), Replaced("ES256", ""), Replaced("ES256", "none"), Replaced("ES256", "None"), Replaced("ES256", "nOnE"),
        Replaced("ES256", "HS256"), Replaced("ES256", "hs512"),
        // Not JSON.
        Header + "x", Header + "{}", Header + "\0", Header.Replace('"', '\''), Header[..^1] + ",}", Header[..^1] + "/**/}", "\uFEFF" + Header,
        With("\"cty\":\"\\ud800\""), With("\"cty\":\"a\nb\""),
    ];

    public static TheoryData<string> RefusedPayloads =>
    [
        "", "null", "[]", "{", "{}{}", "1",
        // Required, and of their type.
        Without("exp"), Without("iat"), Without("aud"), Without("sub"),
        WithClaim("exp", "\"1\""), WithClaim("exp", "null"), WithClaim("exp", "true"), WithClaim("exp", "-1"), WithClaim("exp", "1e400"),
        WithClaim("exp", "253402300800"), WithClaim("exp", "[1]"), WithClaim("iat", "\"1\""), WithClaim("iat", "{}"), WithClaim("iat", "-1"), WithClaim("nbf", "\"0\""),
        WithClaim("aud", "1"), WithClaim("aud", "null"), WithClaim("aud", "[]"), WithClaim("aud", "[\"gateway\",1]"), WithClaim("aud", "{}"),
        WithClaim("sub", "1"), WithClaim("sub", "\"\""), WithClaim("sub", "null"), WithClaim("iss", "1"), WithClaim("iss", "null"),
        WithClaim("jti", "1"), WithClaim("sid", "1"), WithClaim("sid", "null"), WithClaim("client_id", "[]"), WithClaim("scope", "1"),
        WithClaim("scope", "[1]"), WithClaim("name", "{}"), WithClaim("token_type", "1"),
        // Bound to a key that nobody proves to have.
        WithClaim("cnf", "{\"jkt\":\"x\"}"), WithClaim("cnf", "null"),
        // Duplicates, escaped ones and nested ones.
        Payload[..^1] + ",\"sub\":\"admin\"}", Payload[..^1] + ",\"s\\u0075b\":\"admin\"}", Payload[..^1] + ",\"own\":1,\"own\":2}",
        WithClaim("nested", "{\"a\":1,\"a\":2}"), WithClaim("nested", "[{\"a\":1,\"\\u0061\":2}]"),
        // Not JSON, not text.
        Payload + "x", Payload + "{}", Payload + "\0", Payload[..^1] + ",}", Payload.Replace('"', '\''), "\uFEFF" + Payload, "//\n" + Payload,
        WithClaim("exp", "NaN"), WithClaim("exp", "01"), WithClaim("other", "\"\\ud800\""), WithClaim("\\udfff", "1"),
        WithClaim("deep", new string('[', 40) + new string(']', 40)),
    ];

    [Fact]
    public void Well_formed_token_is_read()
    {
        Assert.True(StrictTokenReader.TryRead(TokenForge.Sign(Key, Header, Payload), out var token));
        Assert.Equal(("ES256", "key-1", "at+jwt"), (token.Header.Algorithm, token.Header.Kid, token.Header.Type));
        Assert.Equal("http://issuer.example", token.Claims.Issuer);
        Assert.Equal(["gateway"], token.Claims.Audiences);
        Assert.Equal(Now.AddMinutes(5).ToUnixTimeMilliseconds(), token.Claims.ExpiresMs);
        Assert.Equal(["profile", "orders.read"], token.Claims.Scopes);
        Assert.Equal(64, token.Signature.Length);
        Assert.Equal("Alice", token.Payload.GetProperty("name").GetString());
    }

    [Theory]
    [InlineData("{\"alg\":\"ES256\",\"kid\":\"a\",\"typ\":\"at+jwt\",\"cty\":\"x\",\"x5t\":\"y\",\"x5t#S256\":\"z\"}")]
    [InlineData(" { \"alg\" : \"ES256\" } ")]
    [InlineData("{\"\\u0061lg\":\"ES256\"}")]
    public void Every_known_header_member_in_any_spelling_is_read(string header) =>
        Assert.True(StrictTokenReader.TryRead(TokenForge.Sign(Key, header, Payload), out _));

    [Theory]
    [InlineData("exp", "1795349100.5")]
    [InlineData("exp", "1.7953491e9")]
    [InlineData("aud", "[\"other\",\"gateway\"]")]
    [InlineData("name", "\"\\ud83d\\ude00 \\u0000\"")]
    [InlineData("address", "{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}")]
    public void Unusual_but_unambiguous_payload_is_read(string claim, string json) =>
        Assert.True(StrictTokenReader.TryRead(TokenForge.Sign(Key, Header, WithClaim(claim, json)), out _));

    [Theory, MemberData(nameof(RefusedHeaders))]
    public void Header_that_is_not_exactly_one_known_object_is_refused(string header) =>
        Assert.False(StrictTokenReader.TryRead(TokenForge.Sign(Key, header, Payload), out _));

    [Theory, MemberData(nameof(RefusedPayloads))]
    public void Payload_that_is_not_exactly_one_complete_object_is_refused(string payload) =>
        Assert.False(StrictTokenReader.TryRead(TokenForge.Sign(Key, Header, payload), out _));

    [Fact]
    public void Bytes_that_are_not_UTF8_are_refused()
    {
        byte[] broken = [.. Encoding.UTF8.GetBytes(Payload[..^2]), 0xC3, (byte)'"', (byte)'}'];
        Assert.False(StrictTokenReader.TryRead(TokenForge.Sign(Key, Encoding.UTF8.GetBytes(Header), broken), out _));
        byte[] brokenHeader = [.. Encoding.UTF8.GetBytes(Header[..^2]), 0xFF, (byte)'"', (byte)'}'];
        Assert.False(StrictTokenReader.TryRead(TokenForge.Sign(Key, brokenHeader, Encoding.UTF8.GetBytes(Payload)), out _));
    }

    [Fact]
    public void Other_than_three_non_empty_parts_is_refused()
    {
        var token = TokenForge.Sign(Key, Header, Payload);
        var parts = token.Split('.');
        string[] refused =
        [
            "", ".", "..", "a.b", $"{parts[0]}.{parts[1]}", $"{parts[0]}.{parts[1]}.", $".{parts[1]}.{parts[2]}", $"{parts[0]}..{parts[2]}",
            $"{token}.", $".{token}", $"{token}.{parts[2]}", $"{parts[0]}.{parts[1]}.{parts[2]}.{parts[2]}.{parts[2]}", $"{parts[0]}..{parts[1]}.{parts[1]}.{parts[2]}",
        ];
        Assert.True(StrictTokenReader.TryRead(token, out _));
        Assert.All(refused, text => Assert.False(StrictTokenReader.TryRead(text, out _), text));
    }

    [Fact]
    public void Other_spelling_of_the_base64_is_refused()
    {
        var token = TokenForge.Sign(Key, Header, Payload);
        Assert.True(StrictTokenReader.TryRead(token, out _));
        var parts = token.Split('.');
        for (var i = 0; i < 3; i++)
        {
            foreach (var changed in Spellings(parts[i]))
            {
                var spelt = string.Join('.', parts.Select((part, j) => i == j ? changed : part));
                Assert.False(StrictTokenReader.TryRead(spelt, out _), spelt);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Bits_without_data_must_be_zero(int remainder)
    {
        // 64 signature bytes leave four unused bits; payloads of each length the others.
        var payload = Payload;
        while (Encoding.UTF8.GetByteCount(payload) % 3 != remainder) payload += " ";
        var token = TokenForge.Sign(Key, Header, payload);
        var parts = token.Split('.');
        Assert.True(StrictTokenReader.TryRead(token, out _));

        const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        for (var bit = 1; bit < (remainder == 1 ? 16 : 4); bit++)
        {
            var last = Alphabet[Alphabet.IndexOf(parts[1][^1], StringComparison.Ordinal) | bit];
            Assert.False(StrictTokenReader.TryRead($"{parts[0]}.{parts[1][..^1]}{last}.{parts[2]}", out _));
        }
    }

    [Fact]
    public void Length_is_capped_at_8_KiB()
    {
        Assert.True(StrictTokenReader.TryRead(OfLength(8192), out _));
        Assert.False(StrictTokenReader.TryRead(OfLength(8193), out _));
        Assert.False(StrictTokenReader.TryRead(TokenForge.Sign(Key, Header, WithClaim("pad", $"\"{new string('x', 1 << 20)}\"")), out _));
        Assert.False(StrictTokenReader.TryRead(new string('.', 1 << 20), out _));
    }

    [Fact]
    public void Single_changed_character_never_reads_as_the_same_token()
    {
        var token = TokenForge.Sign(Key, Header, Payload);
        Assert.True(StrictTokenReader.TryRead(token, out var original));
        for (var i = 0; i < token.Length; i++)
        {
            var changed = token.ToCharArray();
            changed[i] = changed[i] == 'A' ? 'B' : 'A';
            if (!StrictTokenReader.TryRead(changed, out var read)) continue;
            Assert.False(read.Header == original.Header && read.Payload.GetRawText() == original.Payload.GetRawText()
                && read.Signature.AsSpan().SequenceEqual(original.Signature));
        }
    }

    private static string OfLength(int length)
    {
        for (var pad = length / 2; ; pad++)
        {
            var token = TokenForge.Sign(Key, Header, WithClaim("pad", $"\"{new string('x', pad)}\""));
            if (token.Length >= length) return token.Length == length ? token : OfLengthByHeader(length, pad);
        }
    }

    /// <summary>The lengths of base64url skip some numbers: the header's length makes up for it.</summary>
    private static string OfLengthByHeader(int length, int pad)
    {
        for (var spaces = 0; spaces < 8; spaces++)
        {
            for (var less = 0; less < 16; less++)
            {
                var token = TokenForge.Sign(Key, Header + new string(' ', spaces), WithClaim("pad", $"\"{new string('x', pad - less)}\""));
                if (token.Length == length) return token;
            }
        }

        throw new InvalidOperationException($"No token has {length} characters.");
    }

    private static IEnumerable<string> Spellings(string part)
    {
        yield return part + "=";
        yield return part + "==";
        yield return part + "\n";
        yield return " " + part;
        yield return part.Insert(part.Length / 2, " ");
        yield return part.Insert(part.Length / 2, "\r\n");
        yield return part[..^1] + "+";
        yield return part[..^1] + "/";
        yield return part[..^1] + "é";
        yield return part + new string('A', (5 - part.Length % 4) % 4 is 0 ? 4 : (5 - part.Length % 4) % 4);
    }

    private static string With(string member) => $"{Header[..^1]},{member}}}";

    private static string Replaced(string text, string by)
    {
        Assert.Contains(text, Header, StringComparison.Ordinal);
        return Header.Replace(text, by, StringComparison.Ordinal);
    }

    private static string Without(string claim)
    {
        var payload = JsonNode.Parse(Payload)!.AsObject();
        Assert.True(payload.Remove(claim));
        return payload.ToJsonString();
    }

    private static string WithClaim(string name, string json)
    {
        var payload = JsonNode.Parse(Payload)!.AsObject();
        payload.Remove(name);
        return $"{payload.ToJsonString()[..^1]},\"{name}\":{json}}}";
    }
}
