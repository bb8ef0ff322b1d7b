using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using AuthService.Tests.Users;

namespace AuthService.Tests.OAuth;

/// <summary>Clients that prove who they are with a key (RFC 7523), and the limit on those that fail.</summary>
[Collection(OAuthCollection.Name)]
public sealed class ClientAssertionTests(OAuthWorld world, Databases databases)
{
    private const string Type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

    private static readonly ECDsa Key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private static readonly RSA Rsa = RSA.Create(2048);

    [Fact]
    public async Task Signed_assertion_authenticates_the_client_once()
    {
        var assertion = await AssertionAsync();

        Assert.Equal("signer", (await AskAsync(assertion)).Claim("sub"));
        Assert.Equal((401, "invalid_client"), Outcome(await AskAsync(assertion)));
        Assert.Equal(200, (await AskAsync(await AssertionAsync())).Status);
    }

    [Fact]
    public async Task Assertion_presented_many_times_at_once_is_accepted_once()
    {
        var assertion = await AssertionAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => AskAsync(assertion)));

        Assert.Single(answers, answer => answer.Status == 200);
    }

    [Theory]
    [InlineData("aud", "http://issuer.test")]
    [InlineData("aud", "http://issuer.test/connect/token")]
    [InlineData("aud", """["http://issuer.test"]""")]
    [InlineData("aud", """["http://issuer.test","http://issuer.test/connect/token"]""")]
    public async Task Audience_is_the_issuer_or_the_token_endpoint(string name, string value) =>
        Assert.Equal(200, (await AskAsync(await AssertionAsync(claims => claims[name] = value[0] == '[' ? JsonNode.Parse(value) : value))).Status);

    [Theory]
    [InlineData("aud", "\"http://issuer.test/\"")]
    [InlineData("aud", "\"http://issuer.test/connect/introspect\"")]
    [InlineData("aud", "\"https://other.example\"")]
    [InlineData("aud", """["http://issuer.test","https://other.example"]""")]
    [InlineData("aud", "[]")]
    [InlineData("aud", "null")]
    [InlineData("iss", "\"orders-service\"")]
    [InlineData("sub", "\"orders-service\"")]
    [InlineData("jti", "null")]
    [InlineData("jti", "\"\"")]
    [InlineData("jti", "7")]
    [InlineData("exp", "null")]
    [InlineData("exp", "1")]
    [InlineData("exp", "99999999999")]
    [InlineData("exp", "9223372036854775807")]
    [InlineData("exp", "\"soon\"")]
    [InlineData("nbf", "99999999999")]
    [InlineData("iat", "99999999999")]
    public async Task Assertion_that_says_another_thing_is_refused(string name, string json) =>
        Assert.Equal((401, "invalid_client"), Outcome(await AskAsync(await AssertionAsync(claims => claims[name] = JsonNode.Parse(json)))));

    [Fact]
    public async Task Assertion_without_a_claim_is_refused()
    {
        foreach (var name in (string[])["iss", "sub", "aud", "exp", "jti"])
            Assert.Equal((401, "invalid_client"), Outcome(await AskAsync(await AssertionAsync(claims => claims.Remove(name)))));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("HS256")]
    [InlineData("ES384")]
    [InlineData("RS256")]
    [InlineData("crit")]
    [InlineData("other-key")]
    [InlineData("other-kid")]
    [InlineData("at+jwt")]
    [InlineData("changed")]
    [InlineData("twice")]
    public async Task Forged_assertion_is_refused(string forgery)
    {
        await RegisterAsync();
        var claims = Claims().ToJsonString();
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var assertion = forgery switch
        {
            "none" => $"{Encode("""{"alg":"none"}""")}.{Encode(claims)}.",
            // The public key as the secret of a MAC: CVE-2016-10555 and its successors.
            "HS256" => Sign("""{"alg":"HS256","kid":"k1"}""", claims, data => HMACSHA256.HashData(Key.ExportSubjectPublicKeyInfo(), data)),
            "ES384" => Sign("""{"alg":"ES384","kid":"k1"}""", claims, data => Key.SignData(data, HashAlgorithmName.SHA384)),
            "RS256" => Sign("""{"alg":"RS256","kid":"k1"}""", claims, data => Key.SignData(data, HashAlgorithmName.SHA256)),
            "crit" => Sign("""{"alg":"ES256","kid":"k1","crit":["x"],"x":1}""", claims, data => Key.SignData(data, HashAlgorithmName.SHA256)),
            "other-key" => Sign("""{"alg":"ES256","kid":"k1"}""", claims, data => other.SignData(data, HashAlgorithmName.SHA256)),
            "other-kid" => Sign("""{"alg":"ES256","kid":"k2"}""", claims, data => Key.SignData(data, HashAlgorithmName.SHA256)),
            "at+jwt" => Sign("""{"alg":"ES256","kid":"k1","typ":"at+jwt"}""", claims, data => Key.SignData(data, HashAlgorithmName.SHA256)),
            "changed" => Change(Sign("""{"alg":"ES256","kid":"k1"}""", claims, data => Key.SignData(data, HashAlgorithmName.SHA256))),
            _ => Sign("""{"alg":"ES256","kid":"k1"}""", claims[..^1] + ",\"sub\":\"signer\"}", data => Key.SignData(data, HashAlgorithmName.SHA256)),
        };

        Assert.Equal((401, "invalid_client"), Outcome(await AskAsync(assertion)));

        static string Change(string token)
        {
            var parts = token.Split('.');
            var changed = Claims();
            changed["jti"] = "changed";
            return $"{parts[0]}.{Encode(changed.ToJsonString())}.{parts[2]}";
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("a.b.c")]
    [InlineData("..")]
    [InlineData("e30.e30.e30")]
    [InlineData("W10.eyJzdWIiOiJzaWduZXIifQ.AA")]
    [InlineData("bnVsbA.bnVsbA.AA")]
    public async Task Text_that_is_no_assertion_is_refused(string assertion)
    {
        await RegisterAsync();

        Assert.Equal(401, (await AskAsync(assertion)).Status);
    }

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Assertion_of_a_client_that_cannot_be_is_refused(string kind)
    {
        var service = await databases.SharedServiceAsync(kind);
        foreach (var id in (string[])["a\0b", "\0", "a\r\nb", "\uffff", "\U0001F600", new string('a', 1000)])
        {
            var assertion = $"{Encode("""{"alg":"ES256"}""")}.{Encode(new JsonObject { ["sub"] = id }.ToJsonString())}.AA";
            using var form = new FormUrlEncodedContent([new("grant_type", "client_credentials"), new("client_assertion_type", Type), new("client_assertion", assertion)]);
            using var answer = await service.Http.PostAsync("/connect/token", form, TestContext.Current.CancellationToken);
            Assert.Equal(401, (int)answer.StatusCode);
        }
    }

    [Fact]
    public async Task Rsa_keys_sign_as_well()
    {
        await RegisterAsync();

        Assert.Equal(200, (await AskAsync(Sign("""{"alg":"RS256","kid":"r1"}""", Claims().ToJsonString(), data => Rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)))).Status);
        Assert.Equal(200, (await AskAsync(Sign("""{"alg":"PS256","kid":"r1"}""", Claims().ToJsonString(), data => Rsa.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pss)))).Status);
    }

    [Fact]
    public async Task Client_with_a_key_has_no_other_way()
    {
        await RegisterAsync();

        Assert.Equal(401, (await world.AskAsync("signer:secret", ("grant_type", "client_credentials"))).Status);
        Assert.Equal(401, (await world.AskAsync(null, ("grant_type", "client_credentials"), ("client_id", "signer"))).Status);
        Assert.Equal((400, "invalid_request"), Outcome(await world.AskAsync(
            "orders-service:orders-secret-1", ("grant_type", "client_credentials"), ("client_assertion_type", Type), ("client_assertion", await AssertionAsync()))));
        Assert.Equal((400, "invalid_request"), Outcome(await world.AskAsync(
            null, ("grant_type", "client_credentials"), ("client_id", "orders-service"), ("client_assertion_type", Type), ("client_assertion", await AssertionAsync()))));
        Assert.Equal(401, (await world.AskAsync(null, ("grant_type", "client_credentials"), ("client_assertion_type", "other"), ("client_assertion", await AssertionAsync()))).Status);
    }

    [Fact]
    public async Task Client_that_keeps_failing_is_slowed_and_its_neighbours_are_not()
    {
        TokenAnswer answer;
        var tries = 0;
        do answer = await FromAsync("203.0.113.7", "orders-service:wrong");
        while (answer.Status == 401 && ++tries < 200);

        Assert.Equal(429, answer.Status);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.InRange(tries, 40, 60);
        Assert.Equal(429, (await FromAsync("203.0.113.7", "orders-service:orders-secret-1")).Status);
        Assert.Equal(200, (await FromAsync("203.0.113.8", "orders-service:orders-secret-1")).Status);
        Assert.Equal("unauthorized_client", (await FromAsync("203.0.113.7", "sample-backend:sample-backend-secret-1")).Error);

        async Task<TokenAnswer> FromAsync(string address, string client)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/connect/token") { Content = new FormUrlEncodedContent([new("grant_type", "client_credentials")]) };
            request.Headers.TryAddWithoutValidation("Authorization", OAuthWorld.Basic(client));
            request.Headers.Add("X-Forwarded-For", address);
            using var response = await world.Service.Client.SendAsync(request, TestContext.Current.CancellationToken);
            return new TokenAnswer((int)response.StatusCode, response.Headers, await Tokens.RunningService.JsonAsync(response));
        }
    }

    private async Task<string> AssertionAsync(Action<JsonObject>? change = null)
    {
        await RegisterAsync();
        var claims = Claims();
        change?.Invoke(claims);
        return Sign("""{"alg":"ES256","kid":"k1","typ":"JWT"}""", claims.ToJsonString(), data => Key.SignData(data, HashAlgorithmName.SHA256));
    }

    private static JsonObject Claims()
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        return new() { ["iss"] = "signer", ["sub"] = "signer", ["aud"] = OAuthWorld.Issuer, ["exp"] = now + 60, ["iat"] = now, ["jti"] = Guid.NewGuid().ToString() };
    }

    private Task RegisterAsync()
    {
        var point = Key.ExportParameters(includePrivateParameters: false).Q;
        var rsa = Rsa.ExportParameters(includePrivateParameters: false);
        var jwks = $$"""
            {"keys":[{"kty":"EC","crv":"P-256","kid":"k1","x":"{{Base64Url.EncodeToString(point.X)}}","y":"{{Base64Url.EncodeToString(point.Y)}}"},
            {"kty":"RSA","kid":"r1","use":"sig","n":"{{Base64Url.EncodeToString(rsa.Modulus)}}","e":"{{Base64Url.EncodeToString(rsa.Exponent)}}"}]}
            """;
        return world.AddClientAsync("signer", client =>
            (client.TokenEndpointAuthMethod, client.SecretHash, client.GrantTypes, client.Jwks) = ("private_key_jwt", null, ["client_credentials"], jwks));
    }

    private Task<TokenAnswer> AskAsync(string assertion) =>
        world.AskAsync(null, ("grant_type", "client_credentials"), ("client_assertion_type", Type), ("client_assertion", assertion));

    private static (int, string?) Outcome(TokenAnswer answer) => (answer.Status, answer.Error);

    private static string Sign(string header, string payload, Func<byte[], byte[]> sign)
    {
        var signed = $"{Encode(header)}.{Encode(payload)}";
        return $"{signed}.{Base64Url.EncodeToString(sign(Encoding.ASCII.GetBytes(signed)))}";
    }

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
