using System.Diagnostics.Metrics;
using AuthService.Audit;
using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using RevocationProtocol;
using Testing;

namespace AuthService.Tests.Revocation;

/// <summary>Publishing, refilling and storing, against a real Redis and a real SQLite file that can be taken away.</summary>
public sealed class RevocationServiceTests : IAsyncLifetime
{
    private const string Issuer = "http://issuer.test";
    private static readonly SessionActor Someone = new("tester", "192.0.2.1", "trace");

    private readonly RedisFixture _redis = new();
    private readonly Instruments _instruments = new("AuthService.Revocation");
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("revocation-");
    private readonly ServiceProvider _none = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly RevocationKeys _keys = new("gw:");
    private readonly SessionKeys _sessionKeys = new("gw:");
    private readonly RevocationReplica _replica = new(TimeSpan.FromSeconds(30), TimeProvider.System);
    private RedisConnection _connection = null!;
    private SwitchableDatabase _database = null!;
    private RevocationWriter _writer = null!;
    private RevocationStore _store = null!;
    private RevocationState _state = null!;
    private RevocationService _service = null!;
    private SessionStore _sessions = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _redis.StartAsync();
        var time = TimeProvider.System;
        _connection = new RedisConnection(_redis.Endpoint, time);
        var options = UsersDatabaseOptions.Parse($"Data Source={Path.Combine(_directory.FullName, "users.db")}");
        _database = new SwitchableDatabase(new UsersDbContextFactory(options, new CommittedAuditEvents(new AuditEvents(NullLoggerFactory.Instance, _none.GetRequiredService<IMeterFactory>())), NullLoggerFactory.Instance, _none));
        await new UsersDatabase(_database, options, time, NullLogger<UsersDatabase>.Instance).PrepareAsync(Cancellation);
        _writer = new RevocationWriter(_connection, _keys, time);
        _store = new RevocationStore(_database, new AuditEvents(NullLoggerFactory.Instance, _none.GetRequiredService<IMeterFactory>()), time);
        _state = new RevocationState(_writer, _store, _none.GetRequiredService<IMeterFactory>(), NullLogger<RevocationState>.Instance, time);
        var tracker = new AcknowledgementTracker(_writer, NullLogger<AcknowledgementTracker>.Instance, time);
        var outbox = new Outbox(new SessionsConnection(_connection, isOwn: false), _sessionKeys);
        _service = new RevocationService(
            _writer, tracker, _store, _state, outbox, new OutboxRows(_store, _writer, outbox, NullLogger<OutboxRows>.Instance, time), _replica,
            NullLogger<RevocationService>.Instance);
        _sessions = new SessionStore(new SessionsConnection(_connection, isOwn: false), _sessionKeys, new SessionScripts(), new SessionPolicy(
            Issuer, GracePeriod: TimeSpan.FromSeconds(60), LongestTokenLife: TimeSpan.FromMinutes(6), LongestSession: TimeSpan.FromDays(30)));
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        await _redis.DisposeAsync();
        await _none.DisposeAsync();
        _instruments.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task State_of_a_new_redis_is_unavailable_until_it_is_filled_and_marked()
    {
        Assert.Throws<RedisUnavailableException>(_service.EnsureAvailable);
        await _state.RefreshAsync(Cancellation);
        Assert.Throws<RedisUnavailableException>(_service.EnsureAvailable);
        await _state.RefreshAsync(Cancellation);
        _service.EnsureAvailable();
    }

    [Fact]
    public async Task State_of_a_redis_that_came_back_empty_is_refilled_with_every_live_row()
    {
        await FillAsync();
        await CommitAsync(Sid("live"), new RevocationEntry(Issuer, RevocationKind.Kid, "key", 0, null, RevocationEntry.Never), Sid("expired", lifeMs: -1));
        Assert.Equal(3, (await _service.PublishStagedAsync(Cancellation)).Revoked);
        await _redis.RestartAsync();
        await FillAsync();
        Assert.Equal("2", await _redis.RunCliAsync("XLEN", _keys.Stream));
        Assert.Equal(2, (await _writer.InspectAsync(Cancellation)).MarkedNumber);
    }

    [Fact]
    public async Task Refills_are_counted_by_the_instrument_that_is_documented_and_exported()
    {
        const string Meter = "AuthService.Revocation";
        Assert.Equal(Instruments.Documented("deploy/docs/revocation.md", Meter), _instruments.Published);
        Assert.Contains(Meter, Program.Service.TelemetrySources);
        await FillAsync();
        Assert.Equal(1, _instruments.Total("auth_service.revocation.refills", _none.GetRequiredService<IMeterFactory>()));
    }

    [Fact]
    public async Task State_of_a_redis_with_older_data_under_its_own_identity_is_found_out_by_the_row_number()
    {
        await FillAsync();
        await CommitAsync(Sid("first"));
        await _service.PublishStagedAsync(Cancellation);
        await ExecuteAsync("UPDATE revocations SET published_at_ms = published_at_ms - 10000");
        var identity = (await _writer.InspectAsync(Cancellation)).Identity;
        await _redis.RunCliAsync("DEL", _keys.Stream);
        await _redis.RunCliAsync("SET", _keys.Marker, identity + ":0");
        await _state.RefreshAsync(Cancellation);
        Assert.NotNull(_state.UnavailableReason);
        await _state.RefreshAsync(Cancellation);
        Assert.Null(_state.UnavailableReason);
        Assert.Equal("1", await _redis.RunCliAsync("XLEN", _keys.Stream));
    }

    [Fact]
    public async Task State_is_known_while_the_database_does_not_answer()
    {
        await FillAsync();
        _database.Silent = true;
        // A busy machine may take longer over all of it than what is known is good for.
        await Eventually.TrueAsync(
            async () =>
            {
                await _state.RefreshAsync(Cancellation).WaitAsync(Eventually.Deadline, Cancellation);
                return _state.UnavailableReason is null;
            },
            "Redis is known to be complete", Cancellation);
    }

    [Fact]
    public async Task Row_committed_by_a_process_that_died_is_published_by_any_replica()
    {
        await FillAsync();
        await CommitAsync(Sid("s"));
        Assert.Equal(1, (await _service.PublishStagedAsync(Cancellation)).Revoked);
        Assert.Equal(RevocationVerdict.Revoked, _replica.Check(Token("s")));
        Assert.Equal(0, (await _service.PublishStagedAsync(Cancellation)).Revoked);
    }

    [Fact]
    public async Task Row_whose_redis_is_away_is_answered_unacknowledged_and_published_later()
    {
        await FillAsync();
        await CommitAsync(Sid("s"));
        await _redis.KillAsync();
        Assert.Equal(0, (await _service.PublishStagedAsync(Cancellation)).Acknowledged);
        Assert.Throws<RedisUnavailableException>(_service.EnsureAvailable);
        await _redis.StartAsync();
        await FillAsync();
        await _service.PublishStagedAsync(Cancellation);
        Assert.Equal("0", await CountAsync("SELECT count(*) AS \"Value\" FROM revocations WHERE published_at_ms IS NULL"));
    }

    [Fact]
    public async Task Outbox_entry_reaches_stream_and_database_and_leaves_once()
    {
        await FillAsync();
        var (sid, ending) = await EndSessionAsync();
        var receipt = await _service.PublishOutboxAsync(sid, SessionKeys.Partition(sid), ending, Cancellation);
        Assert.Equal(new RevocationReceipt(1, 0, 0, Durable: true), receipt);
        Assert.Equal(RevocationVerdict.Revoked, _replica.Check(Token(sid)));
        Assert.Equal("1", await CountAsync($"SELECT count(*) AS \"Value\" FROM ended_sessions WHERE sid = '{sid}'"));
        Assert.Equal("1", await CountAsync($"SELECT count(*) AS \"Value\" FROM audit_events WHERE sid = '{sid}' AND type = 'session.ended'"));
        await LeftOutboxAsync(SessionKeys.Partition(sid));
        // The caller whose entry somebody else has dealt with still gets an answer.
        Assert.True((await _service.PublishOutboxAsync(sid, SessionKeys.Partition(sid), ending, Cancellation)).Durable);
    }

    [Fact]
    public async Task Outbox_entry_while_the_database_is_away_revokes_at_once_and_is_stored_when_it_is_back()
    {
        await FillAsync();
        var (sid, ending) = await EndSessionAsync();
        _database.Away = true;
        var receipt = await _service.PublishOutboxAsync(sid, SessionKeys.Partition(sid), ending, Cancellation);
        Assert.False(receipt.Durable);
        Assert.Equal(RevocationVerdict.Revoked, _replica.Check(Token(sid)));
        Assert.Equal("1", await _redis.RunCliAsync("XLEN", _keys.Stream));
        _database.Away = false;
        await _service.SweepOutboxesAsync(Cancellation);
        Assert.Equal("1", await CountAsync($"SELECT count(*) AS \"Value\" FROM ended_sessions WHERE sid = '{sid}'"));
        await LeftOutboxAsync(SessionKeys.Partition(sid));
    }

    [Fact]
    public async Task Outbox_entry_that_waits_for_the_database_goes_to_the_stream_once_and_its_row_when_there_is_one()
    {
        await FillAsync();
        await EndSessionAsync();
        _database.Away = true;
        for (var sweep = 0; sweep < 3; sweep++)
            await _service.SweepOutboxesAsync(Cancellation);
        Assert.Equal("1", await _redis.RunCliAsync("XLEN", _keys.Stream));
        _database.Away = false;
        await _service.SweepOutboxesAsync(Cancellation);
        // Not until it is published itself may the row count as in Redis, which can have lost the entry meanwhile.
        Assert.Equal("1", await CountAsync("SELECT count(*) AS \"Value\" FROM revocations WHERE published_at_ms IS NULL"));
        Assert.Equal(1, (await _service.PublishStagedAsync(Cancellation)).Revoked);
    }

    [Fact]
    public void Appended_entries_are_known_for_one_redis_and_up_to_their_number()
    {
        var appended = new AppendedEntries(capacity: 2);
        foreach (var eid in new[] { "a", "b", "beyond" })
            appended.Remember(eid, "first");
        Assert.True(appended.Contains("a", "first"));
        Assert.False(appended.Contains("beyond", "first"));
        Assert.False(appended.Contains("a", "second"));
        Assert.False(appended.Contains("a", null));
        appended.Remember("c", "second");
        Assert.False(appended.Contains("a", "first"));
        appended.Forget("c");
        Assert.False(appended.Contains("c", "second"));
    }

    [Fact]
    public async Task Outbox_entry_of_a_process_that_died_is_published_by_the_sweep_and_stored_once()
    {
        await FillAsync();
        var (sid, _) = await EndSessionAsync();
        await Task.WhenAll(_service.SweepOutboxesAsync(Cancellation), _service.SweepOutboxesAsync(Cancellation));
        Assert.Equal(RevocationVerdict.Revoked, _replica.Check(Token(sid)));
        Assert.Equal("1", await CountAsync("SELECT count(*) AS \"Value\" FROM revocations"));
        Assert.Equal("1", await CountAsync("SELECT count(*) AS \"Value\" FROM audit_events"));
    }

    [Fact]
    public async Task Outbox_entry_published_to_a_redis_that_is_not_filled_stays_until_it_is()
    {
        var (sid, ending) = await EndSessionAsync();
        await _service.PublishOutboxAsync(sid, SessionKeys.Partition(sid), ending, Cancellation);
        Assert.Equal("1", await _redis.RunCliAsync("XLEN", _sessionKeys.Outbox(SessionKeys.Partition(sid))!));
        await FillAsync();
        await _service.SweepOutboxesAsync(Cancellation);
        await LeftOutboxAsync(SessionKeys.Partition(sid));
    }

    [Fact]
    public async Task Outbox_entry_lost_with_its_redis_is_no_success_and_asking_again_ends_the_session()
    {
        await FillAsync();
        var user = Guid.NewGuid();
        var session = await StartSessionAsync(user);
        var lost = await EndAsync(session, user);
        await _redis.RunCliAsync("FLUSHALL");
        await Assert.ThrowsAsync<RedisUnavailableException>(() => _service.PublishOutboxAsync(session, SessionKeys.Partition(session), lost, Cancellation));
        Assert.Equal("0", await CountAsync("SELECT count(*) AS \"Value\" FROM ended_sessions"));

        await FillAsync();
        var receipt = await _service.PublishOutboxAsync(session, SessionKeys.Partition(session), await EndAsync(session, user), Cancellation);
        Assert.Equal(new RevocationReceipt(1, 0, 0, Durable: true), receipt);
        Assert.Equal(RevocationVerdict.Revoked, _replica.Check(Token(session)));
        Assert.Equal("1", await CountAsync($"SELECT count(*) AS \"Value\" FROM ended_sessions WHERE sid = '{session}'"));
    }

    [Fact]
    public async Task Expired_rows_are_deleted_and_live_ones_stay()
    {
        await CommitAsync(Sid("live"), Sid("expired", lifeMs: -1));
        await _store.DeleteExpiredAsync(Cancellation);
        Assert.Equal("1", await CountAsync("SELECT count(*) AS \"Value\" FROM revocations"));
    }

    private async Task FillAsync()
    {
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    await _state.RefreshAsync(Cancellation);
                }
                catch (RedisUnavailableException)
                {
                    return false;
                }
                return _state.UnavailableReason is null;
            },
            "Redis is filled and marked",
            Cancellation);
    }

    private async Task<(string Sid, string OutboxId)> EndSessionAsync()
    {
        var user = Guid.NewGuid();
        var sid = await StartSessionAsync(user);
        return (sid, await EndAsync(sid, user));
    }

    private async Task<string> StartSessionAsync(Guid user) => (await _sessions.StartAsync(
        new NewSession(user, "api", "profile", 0, 1_700_000_000, "192.0.2.7", "curl", TimeSpan.FromHours(24), TimeSpan.FromDays(30)), Cancellation)).Sid;

    private async Task<string> EndAsync(string sid, Guid user) => (await _sessions.EndAsync(
        sid, user, "api", TimeProvider.System.GetUtcNow().AddDays(30).ToUnixTimeMilliseconds(), SessionEndReason.LoggedOut, Someone, Cancellation)).OutboxId!;

    private async Task CommitAsync(params RevocationEntry[] entries)
    {
        await using var db = _database.CreateDbContext();
        foreach (var entry in entries)
            RevocationService.Stage(db, entry);
        await db.SaveChangesAsync(Cancellation);
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var db = _database.CreateDbContext();
        await db.Database.ExecuteSqlRawAsync(sql, Cancellation);
    }

    private async Task<string> CountAsync(string sql)
    {
        await using var db = _database.CreateDbContext();
        return (await db.Database.SqlQueryRaw<long>(sql).SingleAsync(Cancellation)).ToString();
    }

    private static RevocationEntry Sid(string sid, long lifeMs = 600_000) =>
        new(Issuer, RevocationKind.Sid, sid, 0, null, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() + lifeMs);

    private static RevocableToken Token(string sid) => new(Issuer, "j", sid, "k0", "u", "c", 1);

    /// <summary>What follows the answer.</summary>
    private Task LeftOutboxAsync(string partition) => Eventually.TrueAsync(
        async () => await _redis.RunCliAsync("XLEN", _sessionKeys.Outbox(partition)!) == "0", "the entry has left the outbox", Cancellation);

    private sealed class SwitchableDatabase(IDbContextFactory<UsersDbContext> inner) : IDbContextFactory<UsersDbContext>
    {
        public bool Away { get; set; }

        /// <summary>It takes what it is asked and says nothing.</summary>
        public bool Silent { get; set; }

        public UsersDbContext CreateDbContext() => Away ? throw new TimeoutException("The database is away.") : inner.CreateDbContext();

        public async Task<UsersDbContext> CreateDbContextAsync(CancellationToken cancellationToken = default)
        {
            if (Silent) await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
            return CreateDbContext();
        }
    }
}
