using Microsoft.Extensions.Logging.Abstractions;
using RevocationProtocol;
using Testing;

namespace Libraries.Tests.RevocationProtocol;

public sealed class RevocationStreamTests : IAsyncLifetime
{
    private const string Issuer = "http://issuer.test";

    private readonly RedisFixture _redis = new();
    private readonly RevocationKeys _keys = new("gw:");
    private readonly CancellationTokenSource _stop = new();
    private readonly List<RedisConnection> _connections = [];
    private readonly List<Task> _running = [];
    private RevocationWriter _writer = null!;
    private AcknowledgementTracker _tracker = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _redis.StartAsync();
        var connection = Connect();
        _writer = new RevocationWriter(connection, _keys, TimeProvider.System);
        _tracker = new AcknowledgementTracker(_writer, NullLogger<AcknowledgementTracker>.Instance, TimeProvider.System);
        await FillAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
        foreach (var connection in _connections)
            await connection.DisposeAsync();
        await _redis.DisposeAsync();
    }

    [Fact]
    public async Task Reader_loads_what_was_there_and_applies_what_comes()
    {
        await _writer.AppendAsync([Sid("before")], Cancellation);
        var gateway = await StartGatewayAsync("one");
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(Token("before")));
        Assert.Equal(RevocationVerdict.Live, gateway.Replica.Check(Token("after")));

        var append = await _writer.AppendAsync([Sid("after")], Cancellation);
        Assert.Equal(new Acknowledgement(1, 1), await _tracker.WaitAsync(append, Cancellation));
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(Token("after")));
    }

    [Fact]
    public async Task Reader_is_not_loaded_by_a_redis_that_is_not_marked()
    {
        await _redis.RunCliAsync("DEL", _keys.Marker);
        var gateway = Start("one");
        await Eventually.TrueAsync(() => gateway.Reader.NotReadyReason?.Contains("refill", StringComparison.Ordinal) == true, "refill is said to be awaited", Cancellation);
        Assert.False(gateway.Replica.IsLoaded);
        // It is counted before it is ready.
        Assert.Single((await _writer.InspectAsync(Cancellation)).Gateways);
        await FillAsync();
        await Eventually.TrueAsync(() => gateway.Replica.IsLoaded, "the replica loads once Redis is marked", Cancellation);
    }

    [Fact]
    public async Task Reader_on_a_restarted_empty_redis_forgets_nothing_and_proves_nothing_until_it_is_refilled()
    {
        var gateway = await StartGatewayAsync("one");
        await _tracker.WaitAsync(await _writer.AppendAsync([Sid("s1")], Cancellation), Cancellation);
        await _redis.RestartAsync();
        await Eventually.TrueAsync(async () => (await TryInspectAsync())?.Gateways.Count == 1, "the gateway registers at the new Redis", Cancellation);
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(Token("s1")));
        var age = gateway.Replica.Age;
        await Eventually.TrueAsync(() => gateway.Replica.Age > age + TimeSpan.FromMilliseconds(700), "reading an unmarked Redis proves nothing", Cancellation);

        await FillAsync();
        Assert.Equal(new Acknowledgement(1, 1), await AcknowledgedAsync(Sid("s2")));
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(Token("s1")));
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(Token("s2")));
    }

    [Fact]
    public async Task Reader_after_redis_came_back_older_merges_and_acknowledges_only_what_it_applied_there()
    {
        var snapshot = await _redis.SnapshotAsync();
        var gateway = await StartGatewayAsync("one");
        var changes = 0;
        gateway.Reader.RedisChanged += () => Interlocked.Increment(ref changes);
        var lost = await _writer.AppendAsync([Sid("lost")], Cancellation);
        Assert.Equal(1, (await _tracker.WaitAsync(lost, Cancellation)).Acknowledged);
        Assert.Equal(0, changes);
        await _redis.RestoreAsync(snapshot);
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(Token("lost")));
        await Eventually.TrueAsync(async () => await TryInspectAsync() is { Filled: false, Gateways.Count: 1 }, "the gateway registers, and the restored marker names another Redis", Cancellation);
        Assert.Equal(1, (await AcknowledgedAsync(Sid("s2"))).Acknowledged);
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(Token("s2")));
        Assert.Equal(1, changes);
    }

    [Fact]
    public async Task Acknowledgement_that_ends_the_wait_is_counted()
    {
        await StartGatewayAsync("one");
        for (var i = 0; i < 1000; i++)
        {
            var append = await _writer.AppendAsync([Sid($"s{i}")], Cancellation);
            var began = TimeProvider.System.GetTimestamp();
            var acknowledgement = await _tracker.WaitAsync(append, Cancellation);
            if (TimeProvider.System.GetElapsedTime(began) < AcknowledgementTracker.MaxWait)
                Assert.Equal(new Acknowledgement(1, 1), acknowledgement);
        }
    }

    [Fact]
    public async Task Acknowledgement_counts_a_gateway_that_does_not_answer_as_missing_and_does_not_wait_for_long()
    {
        await StartGatewayAsync("one");
        var stale = $"{await RedisTimeAsync() - 10_000} 30000 0-0 nobody";
        await _redis.RunCliAsync("HSET", _keys.Gateways, "partitioned", stale);
        var append = await _writer.AppendAsync([Sid("s")], Cancellation);
        Assert.Equal(new Acknowledgement(2, 1), await _tracker.WaitAsync(append, Cancellation));
    }

    [Fact]
    public async Task Registry_forgets_a_gateway_when_its_own_staleness_makes_it_refuse()
    {
        await _redis.RunCliAsync("HSET", _keys.Gateways, "gone", $"{await RedisTimeAsync() - 31_500} 30000 0-0 nobody");
        await _redis.RunCliAsync("HSET", _keys.Gateways, "not-yet", $"{await RedisTimeAsync() - 20_000} 30000 0-0 nobody");
        Assert.Equal("not-yet", Assert.Single((await _writer.InspectAsync(Cancellation)).Gateways).Id);
    }

    [Fact]
    public async Task Gateway_that_signed_off_is_not_counted()
    {
        var gateway = await StartGatewayAsync("one");
        await gateway.StopAsync();
        await gateway.Reader.SignOffAsync(Cancellation);
        var append = await _writer.AppendAsync([Sid("s")], Cancellation);
        Assert.Equal(new Acknowledgement(0, 0), await _tracker.WaitAsync(append, Cancellation));
    }

    [Fact]
    public async Task Reader_skips_entries_of_versions_and_kinds_it_does_not_know()
    {
        var gateway = await StartGatewayAsync("one");
        await _redis.RunCliAsync("XADD", _keys.Stream, "*", "v", "2", "anything", "else");
        await _redis.RunCliAsync("XADD", _keys.Stream, "*", "v", "1", "issuer", Issuer, "kind", "galaxy", "id", "x", "cut-off", "0", "except", "", "expires", "9223372036854775807");
        await _redis.RunCliAsync("XADD", _keys.Stream, "*", "v", "1", "kind", "sid", "expires", "-1");
        var append = await _writer.AppendAsync([Sid("s")], Cancellation);
        Assert.Equal(1, (await _tracker.WaitAsync(append, Cancellation)).Acknowledged);
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(Token("s")));
    }

    [Fact]
    public async Task Writer_refuses_a_cut_off_far_ahead_of_the_clock_and_stores_nothing()
    {
        var now = await RedisTimeAsync();
        await Assert.ThrowsAsync<ArgumentException>(() => _writer.AppendAsync(
            [Sid("s"), new RevocationEntry(Issuer, RevocationKind.Sub, "u", now + 3_600_000, null, now + 7_200_000)], Cancellation));
        Assert.Equal("0", await _redis.RunCliAsync("XLEN", _keys.Stream));
    }

    [Fact]
    public async Task Trim_removes_what_has_expired_below_the_oldest_live_entry_and_keeps_keys_for_ever()
    {
        var now = await RedisTimeAsync();
        await _writer.AppendAsync([new RevocationEntry(Issuer, RevocationKind.Kid, "k", 0, null, RevocationEntry.Never)], Cancellation);
        for (var i = 0; i < 5; i++)
            await _writer.AppendAsync([new RevocationEntry(Issuer, RevocationKind.Sid, $"dead-{i}", 0, null, now - 1)], Cancellation);
        await _writer.AppendAsync([Sid("live")], Cancellation);
        await _writer.AppendAsync([new RevocationEntry(Issuer, RevocationKind.Sid, "dead-later", 0, null, now - 1)], Cancellation);
        Assert.Equal(5, await _writer.TrimAsync(Cancellation));
        Assert.Equal("3", await _redis.RunCliAsync("XLEN", _keys.Stream));
        var gateway = await StartGatewayAsync("one");
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(Token("live")));
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(new RevocableToken(Issuer, null, null, "k", null, null, 0)));
    }

    [Fact]
    public async Task Reader_behind_a_trimmed_stream_reads_everything_again()
    {
        var gateway = await StartGatewayAsync("one");
        var append = await _writer.AppendAsync([Sid("first")], Cancellation);
        await _tracker.WaitAsync(append, Cancellation);
        await _redis.RunCliAsync("XTRIM", _keys.Stream, "MAXLEN", "0");
        append = await _writer.AppendAsync([Sid("second")], Cancellation);
        Assert.Equal(1, (await _tracker.WaitAsync(append, Cancellation)).Acknowledged);
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(Token("first")));
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(Token("second")));
    }

    [Fact]
    public async Task Reader_reads_more_than_a_page()
    {
        for (var i = 0; i < 5; i++)
            await _writer.AppendAsync([.. Enumerable.Range(0, RevocationWriter.MaxEntries).Select(n => Sid($"{i}-{n}"))], Cancellation);
        var gateway = await StartGatewayAsync("one");
        Assert.Equal(2500, gateway.Replica.Counts.Exact);
        var append = await _writer.AppendAsync([Sid("next")], Cancellation);
        Assert.Equal(1, (await _tracker.WaitAsync(append, Cancellation)).Acknowledged);
    }

    [Fact]
    public async Task Marker_moves_only_forward_and_only_under_its_own_identity()
    {
        var identity = (await _writer.InspectAsync(Cancellation)).Identity;
        Assert.True(await _writer.TryRaiseMarkAsync(identity, 7, Cancellation));
        Assert.True(await _writer.TryRaiseMarkAsync(identity, 5, Cancellation));
        Assert.Equal(7, (await _writer.InspectAsync(Cancellation)).MarkedNumber);
        await _writer.AppendRowsAsync([Sid("s")], rowNumber: 9, Cancellation);
        Assert.Equal(9, (await _writer.InspectAsync(Cancellation)).MarkedNumber);
        Assert.False(await _writer.TryRaiseMarkAsync("other:redis", 20, Cancellation));
        Assert.False(await _writer.TryMarkAsync("other:redis", 20, Cancellation));
        Assert.Equal(9, (await _writer.InspectAsync(Cancellation)).MarkedNumber);
    }

    [Theory]
    [InlineData("DEL gw:{rev}:refill")]
    [InlineData("SET gw:{rev}:refill another-replica")]
    [InlineData("FLUSHALL")]
    public async Task Refill_that_lost_its_lock_half_way_marks_nothing_and_the_next_one_begins_anew(string accident)
    {
        await _redis.RunCliAsync("DEL", _keys.Marker);
        var identity = (await _writer.InspectAsync(Cancellation)).Identity;
        var rows = new Rows(_redis) { BeforeSecondPage = accident };
        Assert.Null(await new RevocationRefill(_writer, rows).RunAsync(identity, Cancellation));
        Assert.False((await _writer.InspectAsync(Cancellation)).Filled);

        await _redis.RunCliAsync("DEL", _keys.RefillLock);
        rows.BeforeSecondPage = null;
        Assert.Equal((2, 2L), await new RevocationRefill(_writer, rows).RunAsync(identity, Cancellation));
        Assert.Equal(2, (await _writer.InspectAsync(Cancellation)).MarkedNumber);
        var gateway = await StartGatewayAsync("one");
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(Token("row-1")));
        Assert.Equal(RevocationVerdict.Revoked, gateway.Replica.Check(Token("row-2")));
    }

    private RedisConnection Connect()
    {
        var connection = new RedisConnection(_redis.Endpoint, TimeProvider.System);
        _connections.Add(connection);
        return connection;
    }

    private async Task FillAsync()
    {
        var status = await Eventually.ValueAsync(TryInspectAsync, "Redis answers", Cancellation);
        Assert.True(await _writer.TryLockRefillAsync(TimeSpan.FromSeconds(5), Cancellation));
        Assert.True(await _writer.TryMarkAsync(status.Identity, 0, Cancellation));
    }

    private async Task<RevocationStatus?> TryInspectAsync()
    {
        try
        {
            return await _writer.InspectAsync(Cancellation);
        }
        catch (RedisUnavailableException)
        {
            return null;
        }
    }

    private async Task<RevocationAppend?> TryAppendAsync(RevocationEntry entry)
    {
        try
        {
            return await _writer.AppendAsync([entry], Cancellation);
        }
        catch (RedisUnavailableException)
        {
            return null;
        }
    }

    /// <summary>A gateway that is just reconnecting is not counted for what was appended before it was back.</summary>
    private async Task<Acknowledgement> AcknowledgedAsync(RevocationEntry entry)
    {
        Acknowledgement acknowledgement = default;
        await Eventually.TrueAsync(
            async () => await TryAppendAsync(entry) is { } append
                && (acknowledgement = await _tracker.WaitAsync(append, Cancellation)).Acknowledged == acknowledgement.Gateways,
            "all acknowledge",
            Cancellation);
        return acknowledgement;
    }

    private async Task<long> RedisTimeAsync() => long.Parse((await _redis.RunCliAsync("TIME")).Split('\n')[0]) * 1000;

    private Gateway Start(string id)
    {
        var replica = new RevocationReplica(TimeSpan.FromSeconds(30), TimeProvider.System);
        var reader = new RevocationReader(Connect(), _keys, replica, id, NullLogger<RevocationReader>.Instance, TimeProvider.System);
        var stop = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        var running = reader.RunAsync(stop.Token);
        _running.Add(running);
        return new Gateway(replica, reader, stop, running);
    }

    private async Task<Gateway> StartGatewayAsync(string id)
    {
        var gateway = Start(id);
        await Eventually.TrueAsync(() => gateway.Replica.IsLoaded, "the replica loads", Cancellation);
        return gateway;
    }

    private static RevocationEntry Sid(string sid) =>
        new(Issuer, RevocationKind.Sid, sid, 0, null, TimeProvider.System.GetUtcNow().AddMinutes(10).ToUnixTimeMilliseconds());

    private static RevocableToken Token(string sid) => new(Issuer, "j", sid, "k0", "u", "c", 1);

    /// <summary>A database of two rows, a page each.</summary>
    private sealed class Rows(RedisFixture redis) : IRevocationRows
    {
        /// <summary>A Redis command that runs once the first page is in.</summary>
        public string? BeforeSecondPage { get; set; }

        public async Task<IReadOnlyList<(long Number, RevocationEntry Entry)>> ReadLiveAsync(long after, CancellationToken cancellationToken)
        {
            if (after == 1 && BeforeSecondPage is { } command) await redis.RunCliAsync(command.Split(' '));
            return after < 2 ? [(after + 1, Sid($"row-{after + 1}"))] : [];
        }

        public Task<long> ReadPublishedNumberAsync(CancellationToken cancellationToken) => Task.FromResult(2L);
    }

    private sealed record Gateway(RevocationReplica Replica, RevocationReader Reader, CancellationTokenSource Stop, Task Running)
    {
        public async Task StopAsync()
        {
            await Stop.CancelAsync();
            await Running;
        }
    }
}
