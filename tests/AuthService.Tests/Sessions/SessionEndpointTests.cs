using System.Net;
using AuthService.Tests.Tokens;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Tests.Sessions;

public abstract class SessionEndpointTests(RunningService service)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Logout_ends_this_session_only_and_says_how_far_it_went()
    {
        var mine = await service.SignInAsync();
        var other = await service.SignInAsync();

        var response = await service.SendAsync(HttpMethod.Post, "/api/logout", mine.Access);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("""{"revoked":1,"gateways":0,"acknowledged":0,"durable":true}""", await response.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal(401, await service.RefreshStatusAsync(mine.Refresh));
        var again = await service.SendAsync(HttpMethod.Post, "/api/logout", mine.Access);
        Assert.Equal(HttpStatusCode.Unauthorized, again.StatusCode);
        Assert.Contains("token_revoked", await again.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.Equal(200, await service.RefreshStatusAsync(other.Refresh));
    }

    [Fact]
    public async Task Logout_of_a_session_that_Redis_has_lost_works_and_its_access_token_dies()
    {
        var mine = await service.SignInAsync();
        await service.Redis.RunCliAsync("del", $"gw:session:{{{mine.Sid[..2]}}}:{mine.Sid}");

        var response = await service.SendAsync(HttpMethod.Post, "/api/logout", mine.Access);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(401, await service.VerifyStatusAsync(mine.Access));
        await service.InDatabaseAsync(async database =>
            Assert.Equal("logged_out", (await database.EndedSessions.SingleAsync(row => row.Sid == mine.Sid, Cancellation)).Reason));
    }

    [Fact]
    public async Task List_shows_the_users_sessions_and_which_is_this_one()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/token/")
        {
            Content = new FormUrlEncodedContent(new Dictionary<string, string>(StringComparer.Ordinal) { ["username"] = "bob", ["password"] = "bob-password-1" }),
        };
        request.Headers.Add("X-Forwarded-For", "203.0.113.9, 198.51.100.4");
        request.Headers.UserAgent.ParseAdd("test/1.0");
        var signedIn = await RunningService.JsonAsync(await service.Client.SendAsync(request, Cancellation));
        var access = signedIn.GetProperty("access").GetString()!;
        var other = await service.SignInAsync("bob");

        var response = await service.SendAsync(HttpMethod.Get, "/api/sessions/", access);

        Assert.Equal("no-store", response.Headers.CacheControl?.ToString());
        var sessions = (await RunningService.JsonAsync(response)).EnumerateArray().ToList();
        var current = Assert.Single(sessions, session => session.GetProperty("current").GetBoolean());
        // The last hop that is no proxy of ours; what stands before it anybody could have written.
        Assert.Equal("198.51.100.4", current.GetProperty("ip").GetString());
        Assert.Equal("test/1.0", current.GetProperty("user_agent").GetString());
        Assert.Equal("api", current.GetProperty("client_id").GetString());
        Assert.True(current.GetProperty("created_at").GetDateTimeOffset() <= current.GetProperty("last_seen_at").GetDateTimeOffset());
        Assert.True(current.GetProperty("last_seen_at").GetDateTimeOffset() < current.GetProperty("expires_at").GetDateTimeOffset());
        Assert.Contains(sessions, session => session.GetProperty("sid").GetString() == other.Sid);
        Assert.Equal(
            ["sid", "client_id", "created_at", "last_seen_at", "expires_at", "ip", "user_agent", "current"],
            current.EnumerateObject().Select(member => member.Name));
    }

    [Fact]
    public async Task Delete_of_one_session_ends_that_one()
    {
        var mine = await service.SignInAsync();
        var other = await service.SignInAsync();

        var response = await service.SendAsync(HttpMethod.Delete, $"/api/sessions/{other.Sid}", mine.Access);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(401, await service.RefreshStatusAsync(other.Refresh));
        Assert.Equal(401, await service.VerifyStatusAsync(other.Access));
        Assert.Equal(200, await service.RefreshStatusAsync(mine.Refresh));
    }

    [Fact]
    public async Task Delete_of_another_users_session_is_404_and_harms_nobody()
    {
        var mine = await service.SignInAsync();
        var foreign = await service.SignInAsync("admin");

        foreach (var sid in (string[])[foreign.Sid, new string('0', 32), "x", foreign.Sid.ToUpperInvariant(), new string('a', 4000)])
        {
            var response = await service.SendAsync(HttpMethod.Delete, $"/api/sessions/{sid}", mine.Access);
            Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        }

        Assert.Equal(200, await service.RefreshStatusAsync(foreign.Refresh));
    }

    [Fact]
    public async Task Delete_of_all_but_this_one_spares_this_one_only()
    {
        var mine = await service.SignInAsync("admin");
        var others = new[] { await service.SignInAsync("admin"), await service.SignInAsync("admin") };

        var response = await service.SendAsync(HttpMethod.Delete, "/api/sessions?except=current", mine.Access);

        Assert.True((await RunningService.JsonAsync(response)).GetProperty("revoked").GetInt32() >= 2);
        foreach (var other in others)
        {
            Assert.Equal(401, await service.RefreshStatusAsync(other.Refresh));
            Assert.Equal(401, await service.VerifyStatusAsync(other.Access));
        }

        Assert.Equal(200, await service.VerifyStatusAsync(mine.Access));
        var next = await service.RefreshAsync(mine.Refresh);
        Assert.Equal(200, await service.VerifyStatusAsync(next.Access));
        var listed = await RunningService.JsonAsync(await service.SendAsync(HttpMethod.Get, "/api/sessions", next.Access));
        Assert.Equal(mine.Sid, Assert.Single(listed.EnumerateArray()).GetProperty("sid").GetString());
        // A new sign-in is not hit by the cut-off, which lies ahead of the clock.
        Assert.Equal(200, await service.VerifyStatusAsync((await service.SignInAsync("admin")).Access));
    }

    [Fact]
    public async Task Delete_of_all_ends_this_one_too()
    {
        var mine = await service.SignInAsync("bob");
        var other = await service.SignInAsync("bob");

        Assert.Equal(HttpStatusCode.BadRequest, (await service.SendAsync(HttpMethod.Delete, "/api/sessions?except=none", mine.Access)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await service.SendAsync(HttpMethod.Delete, "/api/sessions", mine.Access)).StatusCode);

        foreach (var session in new[] { mine, other })
        {
            Assert.Equal(401, await service.RefreshStatusAsync(session.Refresh));
            Assert.Equal(401, await service.VerifyStatusAsync(session.Access));
        }
    }

    [Fact]
    public async Task Delete_of_all_but_this_one_while_it_refreshes_never_logs_it_out()
    {
        var mine = await service.SignInAsync();
        using var stop = new CancellationTokenSource();
        var refreshing = Task.Run(async () =>
        {
            var latest = mine;
            while (!stop.IsCancellationRequested) latest = await service.RefreshAsync(latest.Refresh);
            return latest;
        }, Cancellation);

        for (var i = 0; i < 20; i++)
        {
            var response = await service.SendAsync(HttpMethod.Delete, "/api/sessions?except=current", mine.Access);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        await stop.CancelAsync();
        Assert.Equal(200, await service.VerifyStatusAsync((await refreshing).Access));
    }

    [Theory]
    [InlineData("POST", "/api/logout")]
    [InlineData("GET", "/api/sessions")]
    [InlineData("DELETE", "/api/sessions")]
    [InlineData("DELETE", "/api/sessions/00112233445566778899aabbccddeeff")]
    public async Task Without_a_valid_token_it_is_401_with_a_challenge(string method, string path)
    {
        var missing = await service.SendAsync(new HttpMethod(method), path, access: null);
        Assert.Equal(HttpStatusCode.Unauthorized, missing.StatusCode);
        Assert.Equal("Bearer realm=\"gateway\"", missing.Headers.WwwAuthenticate.ToString());
        var bad = await service.SendAsync(new HttpMethod(method), path, "a.b.c");
        Assert.Equal(HttpStatusCode.Unauthorized, bad.StatusCode);
        Assert.StartsWith("Bearer error=\"invalid_token\"", bad.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        Assert.Equal("application/problem+json", bad.Content.Headers.ContentType?.MediaType);
    }
}

public sealed class SessionEndpointOnSqliteTests(RunningService service) : SessionEndpointTests(service), IClassFixture<RunningService>;

public sealed class SessionEndpointOnPostgreSqlTests(RunningServiceOnPostgreSql service) : SessionEndpointTests(service), IClassFixture<RunningServiceOnPostgreSql>;
