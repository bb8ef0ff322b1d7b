using System.Net;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Testing;

namespace AuthService.Tests.Tokens;

/// <summary>Each test takes something away; hence a service of its own.</summary>
public sealed class FaultTests : IAsyncLifetime
{
    private RunningService _service = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => _service.InitializeAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task Redis_away_is_503_for_genuine_and_401_for_forged_tokens_and_nothing_is_lost()
    {
        var session = await _service.SignInAsync();
        await _service.Redis.KillAsync();

        foreach (var path in (string[])["/api/token/refresh/", "/api/token/blacklist/"])
        {
            var response = await _service.PostAsync(path, new { refresh = session.Refresh });
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            Assert.True(response.Headers.RetryAfter?.Delta <= TimeSpan.FromSeconds(5));
        }

        var signIn = await _service.PostAsync("/api/token/", new { username = "alice", password = "alice-password-1" });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, signIn.StatusCode);
        foreach (var forged in Forgeries(session.Refresh))
            Assert.Equal(401, await _service.RefreshStatusAsync(forged));

        await _service.Redis.StartAsync();
        await Eventually.TrueAsync(async () => await _service.RefreshStatusAsync(session.Refresh) == 200, "the refresh token works again", Cancellation);
    }

    [Fact]
    public async Task Database_away_is_503_without_rotating_and_logging_out_still_works()
    {
        var session = await _service.SignInAsync();
        var toEnd = await _service.SignInAsync();
        var record = $"gw:session:{{{session.Sid[..2]}}}:{session.Sid}";
        _service.Database.Away = true;

        var refresh = await _service.PostAsync("/api/token/refresh/", new { refresh = session.Refresh });
        var signIn = await _service.PostAsync("/api/token/", new { username = "alice", password = "alice-password-1" });

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refresh.StatusCode);
        Assert.NotNull(refresh.Headers.RetryAfter);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, signIn.StatusCode);
        Assert.Equal("1", await _service.Redis.RunCliAsync("hget", record, "gen"));
        foreach (var forged in Forgeries(session.Refresh))
            Assert.Equal(401, await _service.RefreshStatusAsync(forged));
        // Memory is enough for an access token.
        Assert.Equal(200, await _service.VerifyStatusAsync(session.Access));
        var logout = await _service.SendAsync(HttpMethod.Post, "/api/logout", toEnd.Access);
        Assert.False((await RunningService.JsonAsync(logout)).GetProperty("durable").GetBoolean());
        Assert.Equal(401, await _service.VerifyStatusAsync(toEnd.Access));

        _service.Database.Away = false;
        await Eventually.TrueAsync(async () => await _service.RefreshStatusAsync(session.Refresh) == 200, "the refresh token works again", Cancellation);
        await Eventually.TrueAsync(async () =>
        {
            var found = false;
            await _service.InDatabaseAsync(async database => found = await database.EndedSessions.AnyAsync(row => row.Sid == toEnd.Sid, Cancellation));
            return found;
        }, "the end of the session reaches the database", Cancellation);
    }

    [Fact]
    public async Task Redis_back_empty_ends_sessions_but_accepts_no_revoked_token()
    {
        await using var redis = new RedisFixture();
        await UseAsync(redis);
        var session = await _service.SignInAsync();
        var revoked = await _service.SignInAsync();
        await _service.SendAsync(HttpMethod.Post, "/api/logout", revoked.Access);

        await redis.RestartAsync();

        Assert.Equal(401, await _service.RefreshStatusOnceAvailableAsync(session.Refresh));
        await RefilledAsync(redis);
        Assert.Equal(401, await _service.VerifyStatusAsync(revoked.Access));
        var blacklist = await _service.PostAsync("/api/token/blacklist/", new { refresh = session.Refresh });
        Assert.Equal(HttpStatusCode.OK, blacklist.StatusCode);
        Assert.Equal(401, await _service.VerifyStatusAsync(session.Access));
    }

    [Fact]
    public async Task Redis_back_with_older_data_logs_nobody_out_and_brings_no_ended_session_back()
    {
        await using var redis = new RedisFixture();
        await UseAsync(redis);
        var session = await _service.SignInAsync();
        var ended = await _service.SignInAsync();
        var older = await redis.SnapshotAsync();
        var lostAnswer = await _service.RefreshAsync(session.Refresh);
        var latest = await _service.RefreshAsync((await _service.RefreshAsync(lostAnswer.Refresh)).Refresh);
        await _service.SendAsync(HttpMethod.Post, "/api/logout", ended.Access);

        await redis.RestoreAsync(older);
        await RefilledAsync(redis);

        Assert.Equal(200, await _service.RefreshStatusOnceAvailableAsync(latest.Refresh));
        var next = await _service.RefreshAsync(latest.Refresh);
        Assert.Equal(200, await _service.VerifyStatusAsync(next.Access));
        // Redis alone would let it live: its record is back.
        Assert.Equal("1", await redis.RunCliAsync("hget", $"gw:session:{{{ended.Sid[..2]}}}:{ended.Sid}", "gen"));
        Assert.Equal(401, await _service.RefreshStatusAsync(ended.Refresh));
        Assert.Equal(401, await _service.VerifyStatusAsync(ended.Refresh));
        Assert.Equal(401, await _service.VerifyStatusAsync(ended.Access));
        // A thief with an old token still ends the session.
        Assert.Equal(401, await _service.RefreshStatusAsync(session.Refresh));
        Assert.Equal(401, await _service.RefreshStatusAsync(next.Refresh));
    }

    [Fact]
    public async Task Ending_the_other_sessions_again_and_again_is_refused_for_a_while_and_stops_nothing()
    {
        // Each moves the cut-off ahead by this much, up to what a writer of revocations accepts.
        await UseAsync(new RunningService { Settings = ["AuthService:MaxClockSkew=00:00:05"] });
        var mine = await _service.SignInAsync();
        var statuses = new HashSet<HttpStatusCode>();
        for (var i = 0; i < 70; i++)
        {
            var response = await _service.SendAsync(HttpMethod.Delete, "/api/sessions?except=current", mine.Access);
            statuses.Add(response.StatusCode);
            if (response.StatusCode != HttpStatusCode.OK) Assert.NotNull(response.Headers.RetryAfter);
        }

        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable], statuses.Order());
        Assert.False(_service.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
        await _service.ReadyAsync();
        Assert.Equal(200, await _service.VerifyStatusAsync(mine.Access));
        Assert.Equal(200, await _service.RefreshStatusAsync(mine.Refresh));
        var other = await _service.SignInAsync("bob");
        Assert.Equal(HttpStatusCode.OK, (await _service.SendAsync(HttpMethod.Post, "/api/logout", other.Access)).StatusCode);
        Assert.Equal(401, await _service.VerifyStatusAsync(other.Access));
    }

    private static IEnumerable<string> Forgeries(string genuine) =>
        [genuine[..^1], genuine + "A", genuine[..30] + (genuine[30] == 'A' ? 'B' : 'A') + genuine[31..], "gwr_" + new string('A', 124), "gwr_", new string('g', 30_000)];

    /// <summary>Waits until the marker is of the Redis that runs now, and the service has seen that.</summary>
    private async Task RefilledAsync(RedisFixture redis)
    {
        var runId = (await redis.RunCliAsync("info", "server")).Split('\n').Single(line => line.StartsWith("run_id:", StringComparison.Ordinal))[7..].Trim();
        await Eventually.TrueAsync(async () => (await redis.RunCliAsync("get", "gw:{rev}:marker")).StartsWith(runId, StringComparison.Ordinal), "Redis is refilled", Cancellation);
        await _service.ReadyAsync();
    }

    private Task UseAsync(RedisFixture redis) => UseAsync(new RunningService { Redis = redis });

    private async Task UseAsync(RunningService service)
    {
        await _service.DisposeAsync();
        _service = service;
        await _service.InitializeAsync();
    }
}
