using System.Text;
using System.Text.Json;
using Gateway.Authentication;
using Gateway.Diagnostics;
using RevocationProtocol;
using Testing;

namespace Gateway.Tests.Authentication;

public sealed class TokenCacheTests
{
    [Fact]
    public async Task Parallel_first_sights_check_the_signature_once()
    {
        using var key = SigningKey.Create();
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);
        var token = world.Token(key, server);
        using var start = new Barrier(8);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(
            async () =>
            {
                start.SignalAndWait(TestContext.Current.CancellationToken);
                await Task.WhenAll(Enumerable.Range(0, 25).Select(_ => world.AcceptsAsync(token)));
            },
            TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap()));

        Assert.Equal(1, world.Validator.SignatureChecks);
        Assert.Equal(1, world.Cache.Size.Entries);
        Assert.Same((await world.AuthenticateAsync(token)).Caller, (await world.AuthenticateAsync(token)).Caller);
        Assert.Equal(1, world.Validator.SignatureChecks);
    }

    [Fact]
    public async Task Rejected_tokens_never_enter()
    {
        using var key = SigningKey.Create();
        using var other = SigningKey.Create();
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);

        foreach (var (token, reason) in new[]
        {
            (world.Token(other, server), Reason.TokenSignatureInvalid),
            (world.Token(key, server, payload => payload["aud"] = "x"), Reason.TokenAudienceInvalid),
            (world.Token(key, server, payload => payload["exp"] = 1), Reason.TokenExpired),
            (world.Token(key, server, payload => payload["nbf"] = 9_999_999_999), Reason.TokenNotYetValid),
            (world.Token(key, server, payload => payload["token_type"] = "refresh"), Reason.TokenTypeInvalid),
        })
        {
            await world.RefusesAsync(token, reason);
            await world.RefusesAsync(token, reason);
        }

        Assert.Equal((0, 0), world.Cache.Size);
        Assert.Equal(10, world.Validator.SignatureChecks);
    }

    [Fact]
    public async Task Token_with_another_signature_is_another_token()
    {
        using var key = SigningKey.Create();
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);
        var token = world.Token(key, server);
        await world.AcceptsAsync(token);
        var parts = token.Split('.');

        // The end of the signature, by which the cache finds its entries, stays the same.
        var forged = $"{parts[0]}.{TokenForge.Encode(TokenForge.Payload(server.Issuer, world.Time.GetUtcNow()).ToJsonString())}.{parts[2]}";

        await world.RefusesAsync(forged, Reason.TokenSignatureInvalid);
        await world.RefusesAsync(token[..^1] + (token[^1] == 'A' ? 'Q' : 'A'), Reason.TokenSignatureInvalid);
    }

    [Fact]
    public async Task Expired_entries_are_swept()
    {
        using var key = SigningKey.Create();
        await using var server = await KeyServer.StartAsync(key);
        await using var world = await AuthenticationWorld.StartAsync(server);
        await world.AcceptsAsync(world.Token(key, server));

        world.Cache.Sweep(world.Time.GetUtcNow().AddSeconds(304).ToUnixTimeMilliseconds());
        Assert.Equal(1, world.Cache.Size.Entries);
        world.Cache.Sweep(world.Time.GetUtcNow().AddSeconds(305).ToUnixTimeMilliseconds());
        Assert.Equal((0, 0), world.Cache.Size);
    }

    [Theory]
    [InlineData(100, long.MaxValue)]
    [InlineData(10_000_000, 100 * 1064)]
    public void Cache_stays_within_its_bounds_and_keeps_what_is_used(int maxEntries, long maxBytes)
    {
        using var signingKey = SigningKey.Create();
        var key = Key(signingKey);
        using var cache = new TokenCache(new TokenCacheOptions { MaxEntries = maxEntries, MaxBytes = maxBytes }, TimeProvider.System);
        cache.Add(Entry("used", key));
        for (var i = 0; i < 10_000; i++)
        {
            cache.Add(Entry($"token{i:00000}", key));
            Assert.True(cache.TryGet("used", out _));
            var (entries, bytes) = cache.Size;
            Assert.True(entries <= maxEntries && bytes <= maxBytes, $"{entries} entries, {bytes} bytes");
        }

        Assert.True(cache.TryGet("token09999", out _));
        Assert.False(cache.TryGet("token00000", out _));
        Assert.Equal(100, cache.Size.Entries);
    }

    [Fact]
    public void Tokens_up_to_the_bound_all_stay()
    {
        using var signingKey = SigningKey.Create();
        var key = Key(signingKey);
        using var cache = new TokenCache(new TokenCacheOptions { MaxEntries = 1_000 }, TimeProvider.System);
        var texts = Enumerable.Range(0, 1_000).Select(i => $"token{i:00000}").ToArray();
        foreach (var text in texts) cache.Add(Entry(text, key));

        Assert.All(texts, text => Assert.True(cache.TryGet(text, out _)));
    }

    internal static VerificationKey Key(SigningKey key)
    {
        var options = new IssuerOptions { Issuer = "http://issuer.example" };
        options.Algorithms.Add("ES256");
        return KeyReader.FromPem(key.PublicPem, options).Keys[0];
    }

    internal static ValidatedToken Entry(string text, VerificationKey key) => new(Encoding.ASCII.GetBytes(text), new AuthenticatedCaller
    {
        Issuer = "http://issuer.example",
        IsForeign = false,
        Subject = text,
        Roles = [],
        Scopes = [],
        ExpiresAt = DateTimeOffset.MaxValue,
        Claims = default(JsonElement),
        Revocable = new RevocableToken("http://issuer.example", text, null, null, text, null, 0),
    }, key, 0, long.MaxValue);
}
