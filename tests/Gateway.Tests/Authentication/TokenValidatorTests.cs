using System.Text;
using System.Text.Json.Nodes;
using Gateway.Diagnostics;
using RevocationProtocol;
using Testing;

namespace Gateway.Tests.Authentication;

public sealed class TokenValidatorTests
{
    [Theory]
    [InlineData("ES256")]
    [InlineData("ES384")]
    [InlineData("RS256")]
    [InlineData("PS256")]
    public async Task Token_of_each_algorithm_names_its_caller(string algorithm)
    {
        using var key = SigningKey.Create(algorithm);
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);

        var outcome = await world.AuthenticateAsync(world.Token(key, server));

        Assert.True(outcome.IsAuthenticated(out var caller, out _));
        Assert.Equal(("5f0c8a3e-6a0f-4a43-9d1b-0d4a7c0e5f11", "Alice", "api", false), (caller.Subject, caller.Name, caller.ClientId, caller.IsForeign));
        Assert.Equal(["user"], caller.Roles);
        Assert.Equal(["profile", "orders.read"], caller.Scopes);
        Assert.Equal("c2lkLW9mLXRoZS10ZXN0cw", caller.SessionId);
        Assert.Equal(world.Time.GetUtcNow().ToUnixTimeMilliseconds(), caller.Revocable.IssueTimeMs);
        Assert.Equal(world.Time.GetUtcNow().AddMinutes(5), caller.ExpiresAt);
    }

    [Fact]
    public async Task Each_fault_has_its_reason()
    {
        using var key = SigningKey.Create();
        using var other = SigningKey.Create();
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);
        var now = world.Time.GetUtcNow().ToUnixTimeSeconds();
        string Payload(string claim, JsonNode? value) => world.Token(key, server, payload => payload[claim] = value);
        string Type(string? type) => world.Token(key, server, header: header => header["typ"] = type);

        await world.AcceptsAsync(world.Token(key, server));
        await world.RefusesAsync("x", Reason.TokenMalformed);
        await world.RefusesAsync(world.Token(other, server), Reason.TokenSignatureInvalid);
        await world.RefusesAsync(Payload("iss", "http://other.example"), Reason.TokenIssuerInvalid);
        await world.RefusesAsync(world.Token(key, server, payload => payload.Remove("iss")), Reason.TokenIssuerInvalid);
        await world.RefusesAsync(Payload("iss", server.Issuer + "/"), Reason.TokenIssuerInvalid);
        await world.RefusesAsync(Payload("aud", "other"), Reason.TokenAudienceInvalid);
        await world.RefusesAsync(Payload("aud", new JsonArray("Gateway", "gateway/")), Reason.TokenAudienceInvalid);
        await world.AcceptsAsync(Payload("aud", new JsonArray("other", "gateway")));
        await world.RefusesAsync(Payload("jti", ""), Reason.TokenMalformed);
        await world.RefusesAsync(world.Token(key, server, payload => payload.Remove("jti")), Reason.TokenMalformed);
        await world.RefusesAsync(Payload("exp", now + 86_401), Reason.TokenMalformed);

        // Every other type of token, signed with the very key.
        foreach (var type in (string[])["JWT", "identity+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "", "at+jwt "])
            await world.RefusesAsync(Type(type), Reason.TokenTypeInvalid);
        await world.RefusesAsync(world.Token(key, server, header: header => header.Remove("typ")), Reason.TokenTypeInvalid);
        foreach (var type in (string[])["AT+JWT", "application/at+jwt", "Application/AT+jwt"]) await world.AcceptsAsync(Type(type));
        foreach (var type in (string[])["refresh", "identity", "Access", ""]) await world.RefusesAsync(Payload("token_type", type), Reason.TokenTypeInvalid);
        await world.RefusesAsync(world.Token(key, server, payload => payload.Remove("token_type")), Reason.TokenTypeInvalid);
        foreach (var claim in (string[])["nonce", "at_hash", "c_hash", "events"]) await world.RefusesAsync(Payload(claim, "x"), Reason.TokenTypeInvalid);
    }

    [Fact]
    public async Task Times_are_exact_to_the_skew_also_for_a_token_seen_before()
    {
        using var key = SigningKey.Create();
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);
        var now = world.Time.GetUtcNow().ToUnixTimeSeconds();
        var seen = world.Token(key, server);
        await world.AcceptsAsync(seen);
        await world.AcceptsAsync(world.Token(key, server, payload => payload["nbf"] = now + 5));
        await world.RefusesAsync(world.Token(key, server, payload => payload["nbf"] = now + 6), Reason.TokenNotYetValid);
        await world.RefusesAsync(world.Token(key, server, payload => payload["iat"] = now + 6), Reason.TokenNotYetValid);

        var unseen = world.Token(key, server, payload => payload["sub"] = "another");
        world.Time.Advance(TimeSpan.FromSeconds(304.999));
        await world.AcceptsAsync(seen);
        await world.AcceptsAsync(unseen);
        world.Time.Advance(TimeSpan.FromMilliseconds(1));
        await world.RefusesAsync(seen, Reason.TokenExpired);
        await world.RefusesAsync(world.Token(key, server, payload => payload["exp"] = now + 300), Reason.TokenExpired);
        world.Time.Advance(TimeSpan.FromHours(1));
        await world.RefusesAsync(seen, Reason.TokenExpired);
    }

    [Fact]
    public async Task Algorithm_is_the_keys_whatever_the_token_says()
    {
        using var ec = SigningKey.Create("ES256", "ec");
        using var rsa = SigningKey.Create("RS256", "rsa");
        await using var server = await KeyServer.StartAsync(ec, rsa);
        await using var world = await AuthenticationWorld.StartAsync(server);
        var payload = TokenForge.Payload(server.Issuer, world.Time.GetUtcNow()).ToJsonString();
        static string Header(string alg, string kid) => $$"""{"alg":"{{alg}}","kid":"{{kid}}","typ":"at+jwt"}""";

        // HMAC with what everybody knows: the public key, in each of its forms, and the empty key.
        foreach (var secret in (byte[][])[Encoding.UTF8.GetBytes(rsa.PublicPem), Encoding.UTF8.GetBytes(rsa.Jwk().ToJsonString()), []])
        {
            var signed = $"{TokenForge.Encode(Header("HS256", "rsa"))}.{TokenForge.Encode(payload)}";
            var mac = System.Security.Cryptography.HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(signed));
            await world.RefusesAsync(TokenForge.Join(Header("HS256", "rsa"), payload, mac), Reason.TokenMalformed);
            await world.RefusesAsync(TokenForge.Join(Header("RS256", "rsa"), payload, mac), Reason.TokenSignatureInvalid);
        }

        await world.RefusesAsync($"{TokenForge.Encode(Header("none", "rsa"))}.{TokenForge.Encode(payload)}.", Reason.TokenMalformed);
        await world.RefusesAsync(TokenForge.Join(Header("none", "rsa"), payload, [0]), Reason.TokenMalformed);
        foreach (var (key, kid, algorithms) in new[] { (ec, "ec", new[] { "RS256", "PS256", "ES384", "EdDSA", "es256" }), (rsa, "rsa", ["ES256", "PS256", "RS512", "rs256"]) })
        {
            await world.AcceptsAsync(TokenForge.Sign(key, Header(key.Algorithm, kid), payload));
            foreach (var alg in algorithms) await world.RefusesAsync(TokenForge.Sign(key, Header(alg, kid), payload), Reason.TokenSignatureInvalid);
        }

        // The right kind of key, used the other way.
        await world.RefusesAsync(
            TokenForge.Sign(rsa, Encoding.UTF8.GetBytes(Header("PS256", "rsa")), Encoding.UTF8.GetBytes(payload), "PS256"), Reason.TokenSignatureInvalid);
        await world.RefusesAsync(
            TokenForge.Sign(rsa, Encoding.UTF8.GetBytes(Header("RS256", "rsa")), Encoding.UTF8.GetBytes(payload), "PS256"), Reason.TokenSignatureInvalid);
        foreach (var signature in (byte[][])[new byte[64], new byte[63], new byte[65], new byte[256], [.. Enumerable.Repeat((byte)0xFF, 64)], [0]])
            await world.RefusesAsync(TokenForge.Join(Header("ES256", "ec"), payload, signature), Reason.TokenSignatureInvalid);
    }

    [Fact]
    public async Task Issuer_never_uses_the_key_of_another()
    {
        using var own = SigningKey.Create("ES256", "same");
        using var foreign = SigningKey.Create("ES256", "same");
        using var onlyForeign = SigningKey.Create("ES256", "foreign-only");
        await using var ownServer = await KeyServer.StartAsync(own);
        await using var foreignServer = await KeyServer.StartAsync(foreign, onlyForeign);
        await using var world = await AuthenticationWorld.StartAsync(ownServer, AuthenticationWorld.Foreign(foreignServer));

        await world.AcceptsAsync(world.Token(own, ownServer));
        await world.AcceptsAsync(world.Token(foreign, foreignServer));
        await world.RefusesAsync(world.Token(foreign, ownServer), Reason.TokenSignatureInvalid);
        await world.RefusesAsync(world.Token(own, foreignServer), Reason.TokenSignatureInvalid);
        await world.RefusesAsync(world.Token(onlyForeign, ownServer), Reason.TokenSignatureInvalid);
    }

    [Fact]
    public async Task Foreign_caller_has_a_prefix_and_only_allowed_roles()
    {
        using var key = SigningKey.Create();
        await using var ownServer = await KeyServer.StartAsync(key);
        await using var foreignServer = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(
            ownServer,
            [
                .. AuthenticationWorld.Foreign(foreignServer), ("Issuers:1:RolesClaim", "groups"), ("Issuers:1:AllowedRoles:0", "user"),
                ("Issuers:1:MaxTokenLifetime", "00:10:00"),
            ]);
        Action<JsonObject> foreign = payload =>
        {
            foreach (var claim in (string[])["token_type", "jti", "client_id", "roles"]) payload.Remove(claim);
            payload["azp"] = "partner-app";
            payload["groups"] = new JsonArray("admin", "user");
            payload["iat"] = payload["iat"]!.GetValue<long>() + 0.75;
        };

        var outcome = await world.AuthenticateAsync(world.Token(key, foreignServer, foreign, header => header["typ"] = "JWT"));

        Assert.True(outcome.IsAuthenticated(out var caller, out _));
        Assert.Equal(("partner1:5f0c8a3e-6a0f-4a43-9d1b-0d4a7c0e5f11", true, "partner-app"), (caller.Subject, caller.IsForeign, caller.ClientId));
        Assert.Equal(["user"], caller.Roles);
        Assert.Equal(world.Time.GetUtcNow().ToUnixTimeMilliseconds(), caller.Revocable.IssueTimeMs);
        await world.RefusesAsync(
            world.Token(key, foreignServer, payload => payload["exp"] = payload["iat"]!.GetValue<long>() + 601), Reason.TokenMalformed);
    }

    [Fact]
    public async Task Revocation_counts_at_once_for_a_token_seen_before()
    {
        using var key = SigningKey.Create();
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);
        var token = world.Token(key, server);
        await world.AcceptsAsync(token);

        world.Revocations.Apply([new RevocationEntry(server.Issuer, RevocationKind.Sid, "c2lkLW9mLXRoZS10ZXN0cw", 0, null, long.MaxValue)]);

        await world.RefusesAsync(token, Reason.TokenRevoked);
        await world.RefusesAsync(world.Token(key, server, payload => payload["jti"] = "another"), Reason.TokenRevoked);
        await world.AcceptsAsync(world.Token(key, server, payload => payload["sid"] = "another"));
    }

    [Fact]
    public async Task Unknown_revocation_state_is_503_and_keeps_the_caller_for_routes_that_go_on()
    {
        using var key = SigningKey.Create();
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);
        world.RevocationTime.Advance(TimeSpan.FromSeconds(31));

        var outcome = await world.AuthenticateAsync(world.Token(key, server));

        Assert.Equal((Reason.RevocationUnknown.Code, 503), (outcome.Refusal?.Code, outcome.Refusal?.Status));
        Assert.Null(outcome.Caller);
        Assert.NotNull(outcome.CallerWithoutRevocation);
    }
}
