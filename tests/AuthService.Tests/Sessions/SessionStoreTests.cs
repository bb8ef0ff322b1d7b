using System.Globalization;
using System.Text.Json;
using AuthService.Sessions;

namespace AuthService.Tests.Sessions;

public sealed class SessionStoreTests(SessionWorld world) : IClassFixture<SessionWorld>
{
    [Fact]
    public async Task Rotate_of_the_current_token_makes_its_successor()
    {
        var session = await world.StartAsync();

        var outcome = await world.RotateAsync(session.Token);

        Assert.Equal(RotationKind.Rotated, outcome.Kind);
        Assert.Equal(session.Token with { Generation = 2 }, outcome.Successor);
        Assert.Equal("profile", outcome.Scope);
        Assert.Equal(1_700_000_000, outcome.AuthTimeSeconds);
    }

    [Fact]
    public async Task Rotate_by_two_hundred_at_once_makes_one_successor_and_the_session_lives()
    {
        var session = await world.StartAsync();

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Task.Run(() => world.RotateAsync(session.Token))));

        Assert.Single(outcomes, outcome => outcome.Kind == RotationKind.Rotated);
        Assert.Equal(199, outcomes.Count(outcome => outcome.Kind == RotationKind.Repeated));
        var successor = Assert.Single(outcomes.Select(outcome => outcome.Successor).Distinct());
        Assert.Equal(RotationKind.Rotated, (await world.RotateAsync(successor!)).Kind);
    }

    [Fact]
    public async Task Rotate_of_a_token_whose_successor_was_used_ends_the_session_and_says_so_in_the_outbox()
    {
        var session = await world.StartAsync();
        var second = (await world.RotateAsync(session.Token)).Successor!;
        var third = (await world.RotateAsync(second)).Successor!;

        var outcome = await world.RotateAsync(session.Token);

        Assert.Equal(RotationKind.Reused, outcome.Kind);
        Assert.NotNull(outcome.OutboxId);
        Assert.Equal(RotationKind.Refused, (await world.RotateAsync(third)).Kind);
        var entry = JsonDocument.Parse((await world.OutboxAsync(session.Sid)).Split('\n').Single(line => line.Contains(session.Sid, StringComparison.Ordinal))).RootElement;
        Assert.True(Guid.TryParse(entry.GetProperty("eid").GetString(), out _));
        var revocation = entry.GetProperty("revocation");
        Assert.Equal("sid", revocation.GetProperty("kind").GetString());
        Assert.Equal(session.Sid, revocation.GetProperty("id").GetString());
        Assert.Equal("http://issuer.test", revocation.GetProperty("iss").GetString());
        Assert.Equal(JsonValueKind.Null, revocation.GetProperty("cut_off").ValueKind);
        var end = entry.GetProperty("session_end");
        Assert.Equal(session.Token.UserId.ToString(), end.GetProperty("sub").GetString());
        Assert.Equal("token_reused", end.GetProperty("reason").GetString());
        Assert.Equal(session.Token.SessionExpiresMs, end.GetProperty("expires_ms").GetInt64());
        Assert.Equal(360_000, revocation.GetProperty("exp").GetInt64() - end.GetProperty("ended_at_ms").GetInt64());
        var audit = entry.GetProperty("audit");
        Assert.Equal("session.token_reused", audit.GetProperty("type").GetString());
        Assert.Equal("192.0.2.1", audit.GetProperty("address").GetString());
    }

    [Fact]
    public async Task Rotate_past_the_grace_period_ends_the_session()
    {
        var store = world.StoreWith(SessionWorld.Policy with { GracePeriod = TimeSpan.FromMilliseconds(-1) });
        var session = await world.StartAsync();
        await world.RotateAsync(session.Token);

        var outcome = await store.RotateAsync(session.Token, 0, SessionWorld.Someone, TestContext.Current.CancellationToken);

        Assert.Equal(RotationKind.Reused, outcome.Kind);
    }

    [Fact]
    public async Task Rotate_of_a_generation_from_the_future_ends_the_session_when_Redis_lost_nothing()
    {
        var session = await world.StartAsync();

        var outcome = await world.RotateAsync(session.Token with { Generation = 5 });

        Assert.Equal(RotationKind.FromTheFuture, outcome.Kind);
        Assert.Contains("\"critical\"", await world.OutboxAsync(session.Sid), StringComparison.Ordinal);
        Assert.Equal(RotationKind.Refused, (await world.RotateAsync(session.Token)).Kind);
    }

    [Fact]
    public async Task Rotate_for_another_user_client_or_epoch_is_refused_and_harms_nobody()
    {
        var session = await world.StartAsync();

        Assert.Equal(RotationKind.Refused, (await world.RotateAsync(session.Token with { UserId = Guid.NewGuid() })).Kind);
        Assert.Equal(RotationKind.Refused, (await world.RotateAsync(session.Token with { ClientId = "other" })).Kind);
        Assert.Equal(RotationKind.Refused, (await world.RotateAsync(session.Token with { Generation = 9, ClientId = "other" })).Kind);
        Assert.Equal(RotationKind.Refused, (await world.RotateAsync(session.Token, epoch: 1)).Kind);
        Assert.Equal(RotationKind.Rotated, (await world.RotateAsync(session.Token)).Kind);
    }

    [Fact]
    public async Task IsLive_never_triggers_reuse()
    {
        var session = await world.StartAsync();
        var second = (await world.RotateAsync(session.Token)).Successor!;
        Assert.True(await world.IsLiveAsync(session.Token));
        var third = (await world.RotateAsync(second)).Successor!;

        Assert.False(await world.IsLiveAsync(session.Token));
        Assert.True(await world.IsLiveAsync(second));
        Assert.True(await world.IsLiveAsync(third));
        Assert.False(await world.IsLiveAsync(third with { Generation = 4 }));
        Assert.Equal(RotationKind.Rotated, (await world.RotateAsync(third)).Kind);
    }

    [Fact]
    public async Task End_twice_writes_one_outbox_entry()
    {
        var session = await world.StartAsync();

        var first = await world.EndAsync(session.Token);
        var second = await world.EndAsync(session.Token);

        Assert.True(first.Ended);
        Assert.False(second.Ended);
        Assert.Equal(first.OutboxId, second.OutboxId);
        Assert.Equal(RotationKind.Refused, (await world.RotateAsync(session.Token)).Kind);
    }

    [Fact]
    public async Task End_of_a_session_that_Redis_has_lost_is_written_all_the_same()
    {
        var session = await world.StartAsync();
        await world.Redis.RunCliAsync("del", world.Keys.Session(session.Sid).ToString());

        var ending = await world.EndAsync(session.Token);

        Assert.True(ending.Ended);
        Assert.Contains(session.Sid, await world.OutboxAsync(session.Sid), StringComparison.Ordinal);
        Assert.False((await world.EndAsync(session.Token)).Ended);
    }

    [Fact]
    public async Task Tombstone_lives_until_the_absolute_expiry_of_the_session()
    {
        var session = await world.StartAsync();
        var key = world.Keys.Session(session.Sid).ToString();
        var live = long.Parse(await world.Redis.RunCliAsync("pexpiretime", key), CultureInfo.InvariantCulture);
        Assert.InRange(session.Token.SessionExpiresMs - live, 28L * 24 * 3_600_000, 30L * 24 * 3_600_000);

        await world.EndAsync(session.Token);

        Assert.Equal(session.Token.SessionExpiresMs, long.Parse(await world.Redis.RunCliAsync("pexpiretime", key), CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task List_shows_live_sessions_of_the_user_and_epoch_only()
    {
        var user = Guid.NewGuid();
        var cancellation = TestContext.Current.CancellationToken;
        var first = await world.StartAsync(SessionWorld.NewSession(user));
        var second = await world.StartAsync(SessionWorld.NewSession(user, userAgent: null) with { Address = null });
        var ended = await world.StartAsync(SessionWorld.NewSession(user));
        await world.EndAsync(ended.Token);
        await world.StartAsync(SessionWorld.NewSession(user) with { SessionEpoch = 4 });
        await world.StartAsync();

        var sessions = await world.Store.ListAsync(user, 0, cancellation);

        Assert.Equal([.. new[] { first.Sid, second.Sid }.Order()], sessions.Select(session => session.Sid).Order());
        var shown = sessions.Single(session => session.Sid == first.Sid);
        Assert.Equal(("api", "192.0.2.7", "curl/8"), (shown.ClientId, shown.Address, shown.UserAgent));
        Assert.Equal(TimeSpan.FromHours(24), shown.ExpiresAt - shown.LastSeenAt);
        Assert.Null(sessions.Single(session => session.Sid == second.Sid).UserAgent);
        Assert.Null(await world.Store.FindAsync(first.Sid, Guid.NewGuid(), cancellation));
    }

    [Fact]
    public async Task Excepted_session_passes_under_both_epochs_until_it_is_stamped()
    {
        var cancellation = TestContext.Current.CancellationToken;
        var session = await world.StartAsync();
        var (sid, user) = (session.Sid, session.Token.UserId);

        Assert.True(await world.Store.AllowEpochAsync(sid, user, 0, 1, cancellation));
        Assert.True(await world.IsLiveAsync(session.Token, epoch: 0));
        Assert.True(await world.IsLiveAsync(session.Token, epoch: 1));
        Assert.False(await world.IsLiveAsync(session.Token, epoch: 2));

        Assert.True(await world.Store.StampEpochAsync(sid, user, 0, 1, cancellation));
        Assert.False(await world.IsLiveAsync(session.Token, epoch: 0));
        Assert.True(await world.IsLiveAsync(session.Token, epoch: 1));
        Assert.False(await world.Store.AllowEpochAsync(sid, user, 0, 2, cancellation));
        Assert.False(await world.Store.StampEpochAsync(sid, user, 0, 2, cancellation));
        Assert.False(await world.Store.StampEpochAsync(sid, Guid.NewGuid(), 1, 2, cancellation));
    }

    [Fact]
    public async Task Record_has_the_same_size_before_and_after_a_thousand_refreshes()
    {
        var session = await world.StartAsync();
        var key = world.Keys.Session(session.Sid).ToString();
        var before = long.Parse(await world.Redis.RunCliAsync("memory", "usage", key), CultureInfo.InvariantCulture);
        var token = session.Token;

        for (var i = 0; i < 1000; i++) token = (await world.RotateAsync(token)).Successor!;

        var after = long.Parse(await world.Redis.RunCliAsync("memory", "usage", key), CultureInfo.InvariantCulture);
        Assert.Equal(1001, token.Generation);
        Assert.InRange(after - before, -64, 64);
    }

    [Fact]
    public async Task Dump_of_all_keys_holds_nothing_of_a_token()
    {
        var session = await world.StartAsync();
        var key = new MacKey(1, System.Security.Cryptography.RandomNumberGenerator.GetBytes(MacKey.SecretLength));
        var texts = new List<string> { RefreshTokenCodec.Write(session.Token, key) };
        texts.Add(RefreshTokenCodec.Write((await world.RotateAsync(session.Token)).Successor!, key));
        await world.EndAsync(session.Token);

        var dump = System.Text.Encoding.Latin1.GetString(await world.Redis.SnapshotAsync());

        Assert.Contains(session.Sid, dump, StringComparison.Ordinal);
        Assert.DoesNotContain(RefreshTokenCodec.Prefix, dump, StringComparison.Ordinal);
        foreach (var text in texts) Assert.DoesNotContain(text[^43..], dump, StringComparison.Ordinal);
    }
}
