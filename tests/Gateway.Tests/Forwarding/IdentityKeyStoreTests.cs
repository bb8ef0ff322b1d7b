using Gateway.Forwarding;
using Gateway.Tests.Authentication;
using KeyEncryption;
using Microsoft.Extensions.Logging;
using RevocationProtocol;
using Testing;

namespace Gateway.Tests.Forwarding;

/// <summary>The keys that all gateways share, in a real Redis.</summary>
public sealed class IdentityKeyStoreTests : IAsyncLifetime
{
    private const string Hash = "gw:identity-keys";

    private static readonly string WrappingKey = KeyEncryptionKeyRing.NewKey();

    private readonly RedisFixture _redis = new();
    private readonly TestClock _time = new();
    private readonly List<RedisConnection> _connections = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => await _redis.StartAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _connections) await connection.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Fact]
    public async Task Exactly_one_of_many_gateways_makes_the_first_key()
    {
        var gateways = Enumerable.Range(0, 8).Select(_ => Start()).ToList();

        await Task.WhenAll(gateways.Select(gateway => gateway.RefreshAsync()));

        Assert.Single(gateways.Select(gateway => gateway.Keys.Signer!.Kid).Distinct());
        Assert.Equal("1", await _redis.RunCliAsync("hlen", Hash));
        Assert.Equal(1, gateways.Sum(gateway => gateway.Logs.Entries.Count(entry => entry.EventId == 1200)));
    }

    [Fact]
    public async Task Redis_holds_no_private_key_and_nothing_published_in_the_open()
    {
        var gateway = Start();
        await gateway.RefreshAsync();

        var record = await _redis.RunCliAsync("hvals", Hash);

        Assert.StartsWith("ke1.", record, StringComparison.Ordinal);
        var exported = gateway.Keys.Signer!.Export();
        Assert.Equal(exported, new KeyEncryptionKeyRing([WrappingKey], "test").Open(IdentityKeyStore.Purpose, gateway.Keys.Signer.Kid, record));
        Assert.Throws<KeyEncryptionException>(() => new KeyEncryptionKeyRing([WrappingKey], "test").Open("signing-key", gateway.Keys.Signer.Kid, record));
    }

    [Fact]
    public async Task Key_that_somebody_else_put_into_redis_is_ignored_and_alarmed_once()
    {
        var gateway = Start();
        await gateway.RefreshAsync();
        var own = gateway.Keys.Signer!.Kid;
        var foreign = IdentityKey.Generate(_time.GetUtcNow().AddHours(-2).ToUnixTimeMilliseconds());
        var forged = new KeyEncryptionKeyRing([KeyEncryptionKeyRing.NewKey()], "other").Seal(IdentityKeyStore.Purpose, foreign.Kid, foreign.Export());
        await _redis.RunCliAsync("hset", Hash, foreign.Kid, forged, "moved", await _redis.RunCliAsync("hget", Hash, own), "junk", "junk");

        await gateway.RefreshAsync();
        await gateway.RefreshAsync();

        Assert.Equal([own], gateway.Published);
        var alarms = gateway.Logs.Entries.Where(entry => entry.Level == LogLevel.Critical).ToList();
        Assert.Equal(3, alarms.Count);
        Assert.Contains(alarms, alarm => alarm.Text.Contains(foreign.Kid, StringComparison.Ordinal));

        var started = Start();
        await started.RefreshAsync();
        Assert.Equal([own], started.Published);
    }

    [Fact]
    public async Task Spoiled_records_do_not_keep_a_gateway_from_starting()
    {
        await _redis.RunCliAsync("hset", Hash, "junk", "ke1.a.b.c.d");
        var gateway = Start();

        await gateway.RefreshAsync();

        Assert.NotNull(gateway.Keys.Signer);
        Assert.Equal([gateway.Keys.Signer.Kid], gateway.Published);
        Assert.Contains(gateway.Logs.Entries, entry => entry.Level == LogLevel.Critical);
    }

    [Fact]
    public async Task Next_key_is_announced_before_it_signs_and_the_old_one_kept_until_its_last_token_has_ended()
    {
        var gateway = Start();
        await gateway.RefreshAsync();
        var first = gateway.Keys.Signer!.Kid;

        _time.Advance(IdentityKeySchedule.RotationInterval);
        await gateway.RefreshAsync();
        Assert.Equal(first, gateway.Keys.Signer.Kid);
        Assert.Equal(2, gateway.Published.Count);
        var second = gateway.Published.Single(kid => kid != first);

        _time.Advance(IdentityKeySchedule.AnnounceTime - TimeSpan.FromSeconds(1));
        await gateway.RefreshAsync();
        Assert.Equal(first, gateway.Keys.Signer.Kid);

        _time.Advance(TimeSpan.FromSeconds(1));
        await gateway.RefreshAsync();
        Assert.Equal(second, gateway.Keys.Signer.Kid);
        Assert.Equal([first, second], gateway.Published);

        _time.Advance(IdentityKeySchedule.RetireTime - TimeSpan.FromSeconds(1));
        await gateway.RefreshAsync();
        Assert.Equal([first, second], gateway.Published);

        _time.Advance(TimeSpan.FromSeconds(1));
        await gateway.RefreshAsync();
        Assert.Equal([second], gateway.Published);
        Assert.Equal(second, await _redis.RunCliAsync("hkeys", Hash));
    }

    [Fact]
    public async Task Gateways_agree_on_every_key_while_they_rotate()
    {
        Gateway[] gateways = [Start(), Start(), Start()];
        for (var step = 0; step < 20; step++)
        {
            await Task.WhenAll(gateways.Select(gateway => gateway.RefreshAsync()));
            foreach (var gateway in gateways) await gateway.RefreshAsync();

            Assert.Single(gateways.Select(gateway => gateway.Keys.Signer!.Kid).Distinct());
            Assert.Single(gateways.Select(gateway => string.Join(',', gateway.Published)).Distinct());
            Assert.InRange(gateways[0].Published.Count, 1, 2);
            _time.Advance(step % 2 == 0 ? TimeSpan.FromDays(10) : TimeSpan.FromMinutes(61));
        }

        Assert.True(gateways.Sum(gateway => gateway.Logs.Entries.Count(entry => entry.EventId == 1200)) is >= 3 and <= 5);
    }

    [Fact]
    public async Task Known_keys_serve_on_without_redis_and_are_put_back_when_it_returns_empty()
    {
        var gateway = Start();
        await gateway.RefreshAsync();
        var kid = gateway.Keys.Signer!.Kid;

        await _redis.StopAsync();
        await Assert.ThrowsAsync<RedisUnavailableException>(gateway.RefreshAsync);
        Assert.Equal([kid], gateway.Published);

        await _redis.StartAsync();
        Assert.Equal("0", await _redis.RunCliAsync("hlen", Hash));
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    await gateway.RefreshAsync();
                    return true;
                }
                catch (RedisUnavailableException)
                {
                    return false;
                }
            },
            "Redis is back",
            Cancellation);

        Assert.Equal(kid, await _redis.RunCliAsync("hkeys", Hash));
        var started = Start();
        await started.RefreshAsync();
        Assert.Equal([kid], started.Published);
    }

    [Fact]
    public async Task Spoiled_record_of_a_known_key_is_written_again()
    {
        var gateway = Start();
        await gateway.RefreshAsync();
        var kid = gateway.Keys.Signer!.Kid;
        await _redis.RunCliAsync("hset", Hash, kid, "junk");

        await gateway.RefreshAsync();

        Assert.Contains(gateway.Logs.Entries, entry => entry.Level == LogLevel.Critical);
        var started = Start();
        await started.RefreshAsync();
        Assert.Equal([kid], started.Published);
    }

    [Fact]
    public async Task Retired_key_that_is_put_back_is_not_published_again()
    {
        var gateway = Start();
        await gateway.RefreshAsync();
        var (kid, envelope) = (gateway.Keys.Signer!.Kid, await _redis.RunCliAsync("hvals", Hash));
        _time.Advance(IdentityKeySchedule.MaxAge);
        await _redis.RunCliAsync("del", Hash);
        var started = Start();
        await started.RefreshAsync();

        await _redis.RunCliAsync("hset", Hash, kid, envelope);
        var later = Start();
        await later.RefreshAsync();

        Assert.DoesNotContain(kid, later.Published);
        Assert.Equal(started.Keys.Signer!.Kid, later.Keys.Signer!.Kid);
        Assert.Equal(later.Keys.Signer.Kid, await _redis.RunCliAsync("hkeys", Hash));
    }

    [Fact]
    public async Task New_wrapping_key_in_front_seals_the_shared_keys_again()
    {
        var before = Start();
        await before.RefreshAsync();
        var wrapping = KeyEncryptionKeyRing.NewKey();

        var after = Start(wrapping, WrappingKey);
        await after.RefreshAsync();
        var alone = Start(wrapping);
        await alone.RefreshAsync();

        Assert.Equal(before.Keys.Signer!.Kid, alone.Keys.Signer!.Kid);
        Assert.DoesNotContain(alone.Logs.Entries, entry => entry.Level == LogLevel.Critical);
    }

    private Gateway Start(params string[] wrappingKeys)
    {
        var connection = new RedisConnection(_redis.Endpoint, TimeProvider.System);
        _connections.Add(connection);
        return new Gateway(new IdentityKeyRecords(connection, "gw:"), new KeyEncryptionKeyRing(wrappingKeys is [] ? [WrappingKey] : wrappingKeys, "test"), _time);
    }

    private sealed class Gateway
    {
        private readonly IdentityKeyStore _store;

        public Gateway(IdentityKeyRecords records, KeyEncryptionKeyRing ring, TimeProvider time)
        {
            using var loggers = LoggerFactory.Create(logging => logging.AddProvider(Logs));
            _store = new IdentityKeyStore(records, ring, Keys, time, loggers.CreateLogger<IdentityKeyStore>());
        }

        public RecordedLogs Logs { get; } = new();

        public IdentityKeySet Keys { get; } = new();

        public IReadOnlyList<string> Published
        {
            get
            {
                using var set = System.Text.Json.JsonDocument.Parse(Keys.Jwks);
                return [.. set.RootElement.GetProperty("keys").EnumerateArray().Select(key => key.GetProperty("kid").GetString()!)];
            }
        }

        public Task RefreshAsync() => _store.RefreshAsync(Cancellation);
    }
}
