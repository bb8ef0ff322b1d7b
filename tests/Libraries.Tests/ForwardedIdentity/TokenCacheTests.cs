using ForwardedIdentity.Tokens;
using Libraries.Tests.RevocationProtocol;
using Testing;

namespace Libraries.Tests.ForwardedIdentity;

public sealed class TokenCacheTests
{
    private static readonly TokenKey Key = new(new Uri("http://gateway.test/connect/token"), "orders", TokenKey.Hash("alice"), "gateway", "a b");
    private static readonly TimeSpan Life = TimeSpan.FromSeconds(100);

    private readonly ManualTime _time = new();
    private readonly TokenCache _cache;
    private int _fetches;

    public TokenCacheTests() => _cache = new TokenCache(_time);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Token_is_fetched_once_and_renewed_in_the_last_fifth_while_the_old_one_is_given_out()
    {
        Assert.Equal("1", await GetAsync());
        _time.Advance(Life * 0.79);
        Assert.Equal("1", await GetAsync());
        _time.Advance(Life * 0.02);
        Assert.Equal("1", await GetAsync());
        await Eventually.TrueAsync(async () => await GetAsync() == "2", "the token is renewed", Cancellation);
        Assert.Equal(2, _fetches);
    }

    [Fact]
    public async Task Expired_token_is_never_given_out()
    {
        await GetAsync();
        _time.Advance(Life);

        Assert.Equal("2", await GetAsync());
    }

    [Fact]
    public async Task Requests_at_once_share_one_fetch_that_outlives_the_first_of_them()
    {
        var gate = new TaskCompletionSource<IssuedToken>();
        using var first = new CancellationTokenSource();
        var leaving = _cache.GetAsync(Key, _ => Count(gate.Task), first.Token);
        var staying = Enumerable.Range(0, 50).Select(_ => _cache.GetAsync(Key, _ => Count(gate.Task), Cancellation)).ToList();
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        gate.SetResult(new IssuedToken("t", Life));

        Assert.All(await Task.WhenAll(staying), token => Assert.Equal("t", token.Text));
        Assert.Equal(1, _fetches);
    }

    [Fact]
    public async Task Failure_is_not_kept()
    {
        await Assert.ThrowsAsync<HttpRequestException>(() => _cache.GetAsync(Key, _ => Task.FromException<IssuedToken>(new HttpRequestException()), Cancellation));

        Assert.Equal("1", await GetAsync());
    }

    [Fact]
    public async Task Refused_renewal_ends_the_old_token_and_trouble_on_the_way_does_not()
    {
        await GetAsync();
        _time.Advance(Life * 0.9);

        await Eventually.TrueAsync(async () => await TryAsync(new HttpRequestException()) == "1" && _fetches > 1, "a renewal failed", Cancellation);
        await Eventually.TrueAsync(async () => await TryAsync(new TokenRefusedException("invalid_grant", null)) == "invalid_grant", "the old token is gone", Cancellation);
    }

    [Fact]
    public async Task Everything_a_token_depends_on_makes_another_token()
    {
        TokenKey[] keys =
        [
            Key,
            Key with { Endpoint = new Uri("http://other.test/connect/token") },
            Key with { ClientId = "billing" },
            Key with { Subject = TokenKey.Hash("bob") },
            Key with { Subject = null },
            Key with { Audience = "other" },
            Key with { Audience = null },
            Key with { Scope = "a" },
            Key with { Scope = null },
        ];
        foreach (var key in keys) await _cache.GetAsync(key, _ => NextAsync(), Cancellation);
        foreach (var key in keys) await _cache.GetAsync(key with { }, _ => NextAsync(), Cancellation);

        Assert.Equal(keys.Length, _fetches);
    }

    [Fact]
    public async Task Expired_tokens_do_not_pile_up()
    {
        for (var i = 0; i < 1000; i++) await _cache.GetAsync(Key with { Subject = $"{i}" }, _ => NextAsync(), Cancellation);
        _time.Advance(Life);

        await GetAsync();

        Assert.Equal(1, _cache.Count);
    }

    private async Task<string> GetAsync() => (await _cache.GetAsync(Key, _ => NextAsync(), Cancellation)).Text;

    private async Task<string> TryAsync(HttpRequestException failure)
    {
        try
        {
            return (await _cache.GetAsync(Key, _ => Count(Task.FromException<IssuedToken>(failure)), Cancellation)).Text;
        }
        catch (TokenRefusedException refused)
        {
            return refused.Error;
        }
    }

    private Task<IssuedToken> NextAsync() => Task.FromResult(new IssuedToken($"{Interlocked.Increment(ref _fetches)}", Life));

    private Task<IssuedToken> Count(Task<IssuedToken> answer)
    {
        Interlocked.Increment(ref _fetches);
        return answer;
    }
}
