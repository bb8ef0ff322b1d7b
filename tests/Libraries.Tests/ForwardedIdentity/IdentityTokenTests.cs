using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Testing;

namespace Libraries.Tests.ForwardedIdentity;

public sealed class IdentityTokenTests(Backend backend) : IClassFixture<Backend>
{
    private const string Invalid = "401 identity_invalid";

    [Fact]
    public async Task Caller_has_the_claims_of_the_token_under_their_own_names()
    {
        var (status, json) = await backend.GetAsync("/me", backend.Token(claims => claims["act"] = JsonNode.Parse("""{"sub":"b","act":{"sub":"a"}}""")));

        Assert.Equal((200, "Zoë \"Ünï\" Łęcki, 李"), (status, json.GetProperty("name").GetString()));
        Assert.Equal(
            ["act", "aud", "client_id", "exp", "iat", "iss", "name", "roles", "scope", "sid", "sub"],
            json.GetProperty("claims").EnumerateObject().Select(claim => claim.Name).Order(StringComparer.Ordinal));
        Assert.Equal(["user", "admin"], Texts(json.GetProperty("claims").GetProperty("roles")));
        Assert.Equal(["profile orders.read"], Texts(json.GetProperty("claims").GetProperty("scope")));
        Assert.Equal(["profile", "orders.read"], Texts(json.GetProperty("scopes")));
        Assert.Equal(["b", "a"], Texts(json.GetProperty("actors")));
    }

    [Fact]
    public async Task Roles_and_scopes_decide_about_access()
    {
        var plain = backend.Token(claims => (claims["roles"], claims["scope"]) = (new JsonArray("user"), "profile orders.reader"));

        Assert.Equal(200, (await backend.GetAsync("/admin", backend.Token())).Status);
        Assert.Equal(200, (await backend.GetAsync("/read", backend.Token())).Status);
        Assert.Equal("403 insufficient_scope", Backend.Code(await backend.GetAsync("/admin", plain)));
        Assert.Equal("403 insufficient_scope", Backend.Code(await backend.GetAsync("/read", plain)));
    }

    [Fact]
    public async Task Request_without_a_token_is_refused_whatever_else_it_says()
    {
        Assert.Equal("401 identity_missing", await backend.CodeAsync(null));
        Assert.Equal("401 identity_missing", Backend.Code(await backend.GetAsync("/me", ("X-User-Id", "u"), ("X-User-Roles", "admin"))));
        Assert.Equal("401 identity_missing", Backend.Code(await backend.GetAsync("/me", ("Authorization", "Bearer " + backend.Token()))));
        Assert.Equal("401 identity_missing", Backend.Code(await backend.GetAsync("/me", ("X_Identity_Token", backend.Token()))));
    }

    [Fact]
    public async Task Token_with_wrong_claims_is_refused()
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        Action<JsonObject>[] faults =
        [
            claims => claims["aud"] = "other",
            claims => claims["aud"] = "Orders",
            claims => claims.Remove("aud"),
            claims => claims["iss"] = "http://other.test",
            claims => claims.Remove("iss"),
            claims => claims["exp"] = now - 6,
            claims => claims.Remove("exp"),
            claims => claims["nbf"] = now + 60,
            claims => claims.Remove("sub"),
            claims => claims["sub"] = "",
        ];
        foreach (var fault in faults) Assert.Equal(Invalid, await backend.CodeAsync(backend.Token(fault)));
        Assert.Equal("200", await backend.CodeAsync(backend.Token(claims => claims["aud"] = new JsonArray("other", "orders"))));
    }

    [Fact]
    public async Task Token_with_another_header_is_refused()
    {
        Action<JsonObject>[] faults =
        [
            header => header["typ"] = "at+jwt",
            header => header["typ"] = "JWT",
            header => header.Remove("typ"),
            header => header.Remove("kid"),
            header => header["kid"] = 1,
            header => header["alg"] = "none",
            header => header["alg"] = "HS256",
            header => header["alg"] = "ES384",
            header => header["alg"] = "RS256",
            header => header.Remove("alg"),
        ];
        foreach (var fault in faults) Assert.Equal(Invalid, await backend.CodeAsync(backend.Token(header: fault)));
    }

    [Fact]
    public async Task Token_of_a_key_that_the_gateway_does_not_have_is_refused_once_it_was_asked()
    {
        var token = backend.Token(header: header => header["kid"] = "unknown");
        await Eventually.TrueAsync(
            async () =>
            {
                var code = await backend.CodeAsync(token);
                Assert.True(code is Invalid or "503 identity_unavailable", code);
                return code == Invalid;
            },
            "the gateway is asked for its keys",
            TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Forged_token_is_refused()
    {
        using var stranger = SigningKey.Create(kid: backend.Key.Kid);
        using var rsa = SigningKey.Create("RS256", backend.Key.Kid);
        var (header, payload) = (backend.Header(), backend.Payload());
        var hmacHeader = backend.Header();
        hmacHeader["alg"] = "HS256";
        var signed = $"{TokenForge.Encode(hmacHeader.ToJsonString())}.{TokenForge.Encode(payload.ToJsonString())}";
        var noneHeader = backend.Header();
        noneHeader["alg"] = "none";
        // The key in the token (RFC 7515 section 4.1.3) is nobody's but the forger's.
        var ownKey = backend.Header(stranger);
        ownKey["jwk"] = stranger.Jwk();
        string[] tokens =
        [
            "", "x", "a.b.c", "....", new string('a', 20_000),
            backend.Token(key: stranger),
            backend.Token(key: rsa, header: head => head["alg"] = "RS256"),
            TokenForge.Sign(stranger, ownKey.ToJsonString(), payload.ToJsonString()),
            TokenForge.Join(noneHeader.ToJsonString(), payload.ToJsonString(), []),
            $"{TokenForge.Encode(noneHeader.ToJsonString())}.{TokenForge.Encode(payload.ToJsonString())}.",
            TokenForge.Join(header.ToJsonString(), payload.ToJsonString(), new byte[64]),
            $"{signed}.{Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(backend.Key.PublicPem), Encoding.UTF8.GetBytes(signed))).TrimEnd('=').Replace('+', '-').Replace('/', '_')}",
            backend.Token() + ".x.y",
            backend.Token()[..^2],
        ];
        foreach (var token in tokens)
        {
            // An empty header is none to some servers.
            Assert.Contains(await backend.CodeAsync(token), new[] { Invalid, token.Length == 0 ? "401 identity_missing" : Invalid });
        }
    }

    [Fact]
    public async Task Two_tokens_are_none()
    {
        Assert.Equal(Invalid, Backend.Code(await backend.GetAsync("/me", ("X-Identity-Token", backend.Token()), ("X-Identity-Token", backend.Token()))));
    }

    [Theory]
    [InlineData("127.0.0.0/8", "X-User-Name", "J%C3%BCrgen", "200")]
    [InlineData("127.0.0.0/8", "X-User-Roles", "", "200")]
    [InlineData("127.0.0.0/8", "X-User-Name", "%zz", Invalid)]
    [InlineData("127.0.0.0/8", "X-User-Name", "%ff", Invalid)]
    [InlineData("127.0.0.0/8", "X-User-Name", "", Invalid)]
    [InlineData("127.0.0.0/8", "X-User-Id", "second", Invalid)]
    [InlineData("127.0.0.0/8", "X-Identity-Token", "x", Invalid)]
    [InlineData("192.0.2.0/24", "X-User-Name", "J", "401 identity_missing")]
    public async Task Unsigned_headers_count_from_a_trusted_network_alone(string network, string header, string value, string outcome)
    {
        await using var trusting = new Backend { Settings = { ["TrustedNetworks:0"] = network } };
        await trusting.InitializeAsync();

        Assert.Equal(outcome, Backend.Code(await trusting.GetAsync("/me", ("X-User-Id", "u"), (header, value))));
    }

    [Fact]
    public async Task Unsigned_headers_give_the_same_claims_as_a_token()
    {
        await using var trusting = new Backend { Settings = { ["TrustedNetworks:0"] = "127.0.0.0/8" } };
        await trusting.InitializeAsync();

        var (_, json) = await trusting.GetAsync("/me", ("X-User-Id", "u"), ("X-User-Name", "Zo%C3%AB"), ("X-User-Roles", "user,a%2Cb"), ("X-User-Scopes", "profile orders.read"));

        Assert.Equal("Zoë", json.GetProperty("name").GetString());
        Assert.Equal(["user", "a,b"], Texts(json.GetProperty("claims").GetProperty("roles")));
        Assert.Equal(["profile orders.read"], Texts(json.GetProperty("claims").GetProperty("scope")));
        Assert.Equal(["profile", "orders.read"], Texts(json.GetProperty("scopes")));
    }

    [Fact]
    public async Task Gateway_away_since_the_start_is_503_until_it_is_back()
    {
        await using var lonely = new Backend { Adjust = services => services.AddSingleton<TimeProvider>(new FastTime()) };
        await lonely.InitializeAsync();
        lonely.Gateway.Status = 500;

        Assert.Equal("503 identity_unavailable", await lonely.CodeAsync(lonely.Token()));
        Assert.Equal(503, (await lonely.GetAsync("/health", token: null)).Status);

        lonely.Gateway.Status = 200;
        await Eventually.TrueAsync(async () => await lonely.CodeAsync(lonely.Token()) == "200", "keys are fetched", TestContext.Current.CancellationToken);
        Assert.Equal(200, (await lonely.GetAsync("/health", token: null)).Status);
    }

    [Fact]
    public async Task Settings_that_are_wrong_stop_the_start_all_at_once()
    {
        await using var faulty = new Backend
        {
            Settings = { ["Audience"] = " ", ["Gateway"] = "http://gateway.test", ["ClientId"] = "x", ["ClockSkew"] = "01:00:00", ["TrustedNetworks:0"] = "10.0.0.0/40" },
        };

        var faults = await Assert.ThrowsAsync<OptionsValidationException>(async () => await faulty.InitializeAsync());

        Assert.Equal(5, faults.Failures.Count());
    }

    private static IEnumerable<string?> Texts(System.Text.Json.JsonElement values) => values.EnumerateArray().Select(value => value.GetString());

    /// <summary>A clock whose stopwatch runs a hundred times as fast: cool-downs pass at once.</summary>
    private sealed class FastTime : TimeProvider
    {
        public override long GetTimestamp() => base.GetTimestamp() * 100;
    }
}
