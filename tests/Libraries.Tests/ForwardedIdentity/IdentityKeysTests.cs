using ForwardedIdentity;
using Libraries.Tests.RevocationProtocol;
using Microsoft.Extensions.Logging.Abstractions;
using Testing;

namespace Libraries.Tests.ForwardedIdentity;

public sealed class IdentityKeysTests : IAsyncLifetime
{
    private readonly SigningKey _first = SigningKey.Create(kid: "first");
    private readonly SigningKey _second = SigningKey.Create(kid: "second");
    private readonly ManualTime _time = new();
    private KeyServer _gateway = null!;
    private IdentityKeys _keys = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gateway = await KeyServer.StartAsync(_first);
        _keys = new IdentityKeys(new Uri(_gateway.Issuer + "/jwks"), () => new HttpClient(), _time, NullLogger.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        _first.Dispose();
        _second.Dispose();
    }

    [Fact]
    public async Task Keys_are_fetched_once_for_all_who_wait()
    {
        var gate = new TaskCompletionSource();
        _gateway.Gate = gate.Task;
        var waiting = Enumerable.Range(0, 50).Select(_ => _keys.PrepareAsync("first", Cancellation).AsTask()).ToList();
        gate.SetResult();
        await Task.WhenAll(waiting);

        Assert.NotNull(_keys.Find("first"));
        Assert.Equal(1, _gateway.KeySetRequests);
    }

    [Fact]
    public async Task Unknown_ids_fetch_once_in_a_cool_down()
    {
        await _keys.PrepareAsync("first", Cancellation);
        for (var i = 0; i < 100; i++) await _keys.PrepareAsync($"made-up-{i}", Cancellation);
        Assert.Equal(1, _gateway.KeySetRequests);

        _time.Advance(IdentityKeys.Cooldown);
        for (var i = 0; i < 100; i++) await _keys.PrepareAsync($"made-up-{i}", Cancellation);
        Assert.Equal(2, _gateway.KeySetRequests);
    }

    [Fact]
    public async Task New_key_is_found_by_the_first_token_that_names_it()
    {
        await _keys.PrepareAsync("first", Cancellation);
        _gateway.Keys = [_first, _second];
        _time.Advance(IdentityKeys.Cooldown);

        await _keys.PrepareAsync("second", Cancellation);

        Assert.NotNull(_keys.Find("second"));
    }

    [Fact]
    public async Task Unknown_id_that_the_gateway_was_not_asked_for_is_not_called_made_up()
    {
        await _keys.PrepareAsync("first", Cancellation);
        _time.Advance(IdentityKeys.Cooldown / 2);
        _gateway.Keys = [_second];
        await Assert.ThrowsAsync<IdentityKeysUnavailableException>(async () => await _keys.PrepareAsync("second", Cancellation));

        _time.Advance(IdentityKeys.Cooldown / 2);
        await _keys.PrepareAsync("second", Cancellation);
        Assert.NotNull(_keys.Find("second"));
        _gateway.Status = 500;
        _time.Advance(IdentityKeys.Cooldown);
        await Assert.ThrowsAsync<IdentityKeysUnavailableException>(async () => await _keys.PrepareAsync("third", Cancellation));
    }

    [Fact]
    public async Task Withdrawn_key_is_gone_after_the_longest_age()
    {
        await _keys.PrepareAsync("first", Cancellation);
        _gateway.Keys = [_second];
        _time.Advance(IdentityKeys.MaxAge);

        await _keys.PrepareAsync("first", Cancellation);

        await Eventually.TrueAsync(() => _keys.Find("first") is null && _keys.Find("second") is not null, "the withdrawn key is gone", Cancellation);
    }

    [Theory]
    [InlineData("500")]
    [InlineData("nonsense")]
    [InlineData("""{"keys":[]}""")]
    [InlineData("""{"keys":[{"kid":"first","kty":"oct","k":"AAAA"}]}""")]
    [InlineData("""{"keys":[{"kid":"first","kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}""")]
    public async Task Last_good_keys_serve_on_when_the_answer_is_none(string answer)
    {
        await _keys.PrepareAsync("first", Cancellation);
        if (answer == "500") _gateway.Status = 500;
        else _gateway.KeySetText = answer;
        _time.Advance(IdentityKeys.MaxAge);

        await _keys.PrepareAsync("first", Cancellation);
        await Eventually.TrueAsync(() => _keys.Stale, "the fetch failed", Cancellation);

        Assert.NotNull(_keys.Find("first"));
    }

    [Fact]
    public async Task Keys_never_fetched_are_our_trouble_and_not_the_tokens()
    {
        _gateway.Status = 500;

        await Assert.ThrowsAsync<IdentityKeysUnavailableException>(async () => await _keys.PrepareAsync("first", Cancellation));
        await Assert.ThrowsAsync<IdentityKeysUnavailableException>(async () => await _keys.PrepareAsync("first", Cancellation));

        Assert.Equal(1, _gateway.KeySetRequests);
    }

    [Fact]
    public async Task Only_keys_that_sign_identity_tokens_are_taken()
    {
        using var rsa = SigningKey.Create("RS256", "rsa");
        using var es384 = SigningKey.Create("ES384", "es384");
        var encryption = _second.As("encryption").Jwk();
        encryption["use"] = "enc";
        var other = _second.As("other-algorithm").Jwk();
        other["alg"] = "ES384";
        _gateway.KeySetText = $$"""{"keys":[{{rsa.Jwk().ToJsonString()}},{{es384.Jwk().ToJsonString()}},{{encryption.ToJsonString()}},{{other.ToJsonString()}},{{_first.Jwk().ToJsonString()}}]}""";

        await _keys.PrepareAsync("first", Cancellation);

        Assert.NotNull(_keys.Find("first"));
        foreach (var kid in new[] { "rsa", "es384", "encryption", "other-algorithm" }) Assert.Null(_keys.Find(kid));
    }
}
