using System.Text.Json.Nodes;
using Gateway.Authentication;
using Gateway.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using RevocationProtocol;
using Testing;

namespace Gateway.Tests.Authentication;

public sealed class IssuerKeysTests
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Key_server_down_at_start_is_503_and_recovers()
    {
        using var key = SigningKey.Create();
        await using var server = KeyServer.Stopped(key);
        await using var world = await AuthenticationWorld.StartAsync(server);
        await using var redis = new RedisConnection("127.0.0.1:1", TimeProvider.System);
        using var refresher = Refresher(world, redis);
        await refresher.StartAsync(Cancelled);
        var token = world.Token(key, server);

        await world.RefusesAsync(token, Reason.KeysUnavailable);
        Assert.Equal((503, "2"), (Reason.KeysUnavailable.Status, Reason.KeysUnavailable.RetryAfter));
        Assert.Contains(server.Issuer, world.Readiness.NotReadyReason, StringComparison.Ordinal);

        await server.StartAsync();
        await Eventually.TrueAsync(
            async _ => (await world.AuthenticateAsync(token)).Caller is not null, TimeSpan.FromSeconds(10), () => "the token is not accepted", Cancelled);
        Assert.Null(world.Readiness.NotReadyReason);
        await refresher.StopAsync(Cancelled);
    }

    [Fact]
    public async Task Keys_that_are_said_to_have_changed_are_fetched_before_a_token_asks_for_them()
    {
        using var key = SigningKey.Create();
        using var next = SigningKey.Create("ES256", "key-2");
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);
        await using var redis = new RedisFixture();
        await redis.StartAsync();
        await using var connection = new RedisConnection(redis.Endpoint, TimeProvider.System);
        using var refresher = Refresher(world, connection);
        await refresher.StartAsync(Cancelled);
        await Eventually.TrueAsync(() => server.KeySetRequests > 1, "it fetches at its start", Cancelled);

        var channel = new RevocationKeys("gw:").IssuerKeyChannel;
        await Eventually.TrueAsync(async () => await redis.RunCliAsync("publish", channel, "https://somebody.else") == "1", "it listens", Cancelled);
        server.Keys = [key, next];
        await redis.RunCliAsync("publish", channel, server.Issuer);
        await Eventually.TrueAsync(
            () => world.Issuers.Own.Keys.TryFind(new TokenHeader("ES256", "key-2", "at+jwt"), out _), "the new key is known", Cancelled);
        Assert.Equal(3, server.KeySetRequests);
        await refresher.StopAsync(Cancelled);
    }

    [Fact]
    public async Task Withdrawn_key_is_revoked_and_not_looked_for_and_a_fetch_does_not_bring_it_back()
    {
        using var key = SigningKey.Create();
        using var next = SigningKey.Create("ES256", "key-2");
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);
        var token = world.Token(key, server);
        await world.AcceptsAsync(token);

        world.Revocations.Apply([new RevocationEntry(server.Issuer, RevocationKind.Kid, key.Kid!, 0, null, RevocationEntry.Never)]);
        await world.RefusesAsync(token, Reason.TokenRevoked);

        server.Keys = [next];
        await world.Issuers.Own.Keys.FetchAsync(Cancelled);
        var requests = server.KeySetRequests;
        await world.RefusesAsync(token, Reason.TokenRevoked);
        await world.RefusesAsync(world.Token(key, server), Reason.TokenRevoked);
        Assert.Equal(requests, server.KeySetRequests);

        // A replica that is behind still publishes it.
        server.Keys = [key, next];
        await world.Issuers.Own.Keys.FetchAsync(Cancelled);
        await world.RefusesAsync(token, Reason.TokenRevoked);
        await world.RefusesAsync(world.Token(key, server), Reason.TokenRevoked);
        await world.AcceptsAsync(world.Token(next, server));
    }

    [Fact]
    public async Task Unknown_kid_causes_one_shared_fetch_and_then_none_within_the_cooldown()
    {
        using var key = SigningKey.Create();
        using var unknown = SigningKey.Create("ES256", "unknown");
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);
        var before = server.KeySetRequests;

        var gate = new TaskCompletionSource();
        server.Gate = gate.Task;
        var flood = Enumerable.Range(0, 100).Select(i => world.RefusesAsync(world.Token(unknown.As($"kid-{i}"), server), Reason.TokenSignatureInvalid)).ToList();
        gate.SetResult();
        await Task.WhenAll(flood);
        for (var i = 0; i < 100; i++) await world.RefusesAsync(world.Token(unknown.As($"late-{i}"), server), Reason.TokenSignatureInvalid);
        Assert.Equal(before + 1, server.KeySetRequests);

        world.Time.Advance(TimeSpan.FromSeconds(4.9));
        await world.RefusesAsync(world.Token(unknown, server), Reason.TokenSignatureInvalid);
        Assert.Equal(before + 1, server.KeySetRequests);
        world.Time.Advance(TimeSpan.FromSeconds(0.1));
        await world.RefusesAsync(world.Token(unknown, server), Reason.TokenSignatureInvalid);
        Assert.Equal(before + 2, server.KeySetRequests);
    }

    [Fact]
    public async Task New_key_is_accepted_at_its_first_token()
    {
        using var key = SigningKey.Create();
        using var next = SigningKey.Create("ES256", "key-2");
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);

        server.Keys = [key, next];

        await world.AcceptsAsync(world.Token(next, server));
        await world.AcceptsAsync(world.Token(key, server));
    }

    [Fact]
    public async Task Last_good_keys_serve_on_when_the_issuer_is_down_or_answers_nonsense()
    {
        using var key = SigningKey.Create();
        using var next = SigningKey.Create("ES256", "key-2");
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);
        var keys = world.Issuers.Own.Keys;

        foreach (var nonsense in (string[])["", "[]", "{}", "{\"keys\":[]}", "{\"keys\":{}}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}", "<html>"])
        {
            server.KeySetText = nonsense;
            Assert.False(await keys.FetchAsync(Cancelled), nonsense);
            await world.AcceptsAsync(world.Token(key, server));
        }

        server.KeySetText = null;
        server.Status = 500;
        Assert.False(await keys.FetchAsync(Cancelled));
        server.Status = 200;
        server.DiscoveryIssuer = "http://other.example";
        Assert.False(await keys.FetchAsync(Cancelled));
        Assert.Contains("other.example", keys.Failure, StringComparison.Ordinal);
        await server.StopAsync();
        Assert.False(await keys.FetchAsync(Cancelled));
        await world.AcceptsAsync(world.Token(key, server));
        // Whether the issuer has this key nobody can say: not the caller's fault.
        await world.RefusesAsync(world.Token(next, server), Reason.KeysUnavailable);
    }

    [Fact]
    public async Task Withdrawn_key_takes_its_cached_tokens_with_it_at_once()
    {
        using var key = SigningKey.Create();
        using var next = SigningKey.Create("ES256", "key-2");
        await using var server = await KeyServer.StartAsync(key, next);
        await using var world = await AuthenticationWorld.StartAsync(server);
        var (old, current) = (world.Token(key, server), world.Token(next, server));
        await world.AcceptsAsync(old);
        await world.AcceptsAsync(current);
        Assert.Equal(2, world.Cache.Size.Entries);

        server.Keys = [next];
        await world.Issuers.Own.Keys.FetchAsync(Cancelled);

        Assert.Equal(1, world.Cache.Size.Entries);
        await world.RefusesAsync(old, Reason.TokenSignatureInvalid);
        await world.AcceptsAsync(current);
    }

    [Fact]
    public async Task Other_key_under_the_same_kid_replaces_it()
    {
        using var key = SigningKey.Create();
        using var replacement = SigningKey.Create();
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);
        var old = world.Token(key, server);
        await world.AcceptsAsync(old);

        server.Keys = [replacement];
        await world.Issuers.Own.Keys.FetchAsync(Cancelled);

        await world.RefusesAsync(old, Reason.TokenSignatureInvalid);
        await world.AcceptsAsync(world.Token(replacement, server));
    }

    [Fact]
    public async Task Public_key_address_is_read_at_the_authority()
    {
        using var key = SigningKey.Create();
        await using var server = await KeyServer.StartAsync(key);
        server.DiscoveryIssuer = "http://public.example";
        await using var world = new AuthenticationWorld(("Issuers:0:Issuer", "http://public.example"), ("Issuers:0:Authority", server.Issuer));

        Assert.True(await world.Issuers.Own.Keys.FetchAsync(Cancelled), world.Issuers.Own.Keys.Failure);
    }

    [Theory]
    [InlineData("use", "\"enc\"")]
    [InlineData("key_ops", "[\"sign\"]")]
    [InlineData("alg", "\"HS256\"")]
    [InlineData("alg", "\"RS256\"")]
    [InlineData("alg", "\"ES384\"")]
    [InlineData("kty", "\"oct\"")]
    [InlineData("kty", "\"RSA\"")]
    [InlineData("crv", "\"P-384\"")]
    [InlineData("crv", "\"secp256k1\"")]
    [InlineData("x", "\"AAAA\"")]
    [InlineData("y", "\"\"")]
    public async Task Key_for_something_else_or_broken_is_not_used(string member, string json)
    {
        using var key = SigningKey.Create();
        using var good = SigningKey.Create("ES256", "good");
        await using var server = await KeyServer.StartAsync();
        var spoilt = key.Jwk();
        spoilt[member] = JsonNode.Parse(json);
        server.KeySetText = new JsonObject { ["keys"] = new JsonArray(spoilt, good.Jwk()) }.ToJsonString();
        await using var world = await AuthenticationWorld.StartAsync(server);

        await world.AcceptsAsync(world.Token(good, server));
        await world.RefusesAsync(world.Token(key, server), Reason.TokenSignatureInvalid);
    }

    [Fact]
    public async Task Rsa_key_without_alg_gets_the_first_rsa_algorithm_only()
    {
        using var key = SigningKey.Create("PS256");
        await using var server = await KeyServer.StartAsync();
        var jwk = key.Jwk();
        jwk.Remove("alg");
        server.KeySetText = new JsonObject { ["keys"] = new JsonArray(jwk) }.ToJsonString();

        await using (var world = await AuthenticationWorld.StartAsync(server, ("Issuers:0:Algorithms:0", "PS256")))
            await world.AcceptsAsync(world.Token(key, server));
        await using (var world = await AuthenticationWorld.StartAsync(server))
            await world.RefusesAsync(world.Token(key, server), Reason.TokenSignatureInvalid);
    }

    [Theory]
    [InlineData("ES256", true)]
    [InlineData("RS256", true)]
    [InlineData("ES384", false)]
    public async Task Key_file_verifies_whatever_kid_a_token_names(string algorithm, bool pem)
    {
        using var key = SigningKey.Create(algorithm);
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(
                file, pem ? key.PublicPem : new JsonObject { ["keys"] = new JsonArray(key.Jwk()) }.ToJsonString(), Cancelled);
            await using var server = KeyServer.Stopped();
            await using var world = new AuthenticationWorld(("Issuers:0:Issuer", server.Issuer), ("Issuers:0:KeyFile", file));
            Assert.Empty(world.Problems);
            await world.Issuers.Own.Keys.FetchAsync(Cancelled);

            await world.AcceptsAsync(world.Token(key, server));
            if (pem) await world.AcceptsAsync(world.Token(key, server, header: header => header.Remove("kid")));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static KeyRefresher Refresher(AuthenticationWorld world, RedisConnection redis) => new(
        world.Issuers, new IssuerKeyChannel(redis, new RevocationKeys("gw:")), TimeProvider.System, NullLogger<KeyRefresher>.Instance);
}
