using System.Diagnostics;
using Testing;

namespace EndToEnd.Tests;

/// <summary>A user's way through the system: sign in, use it, refresh, log out.</summary>
public sealed class SessionWalkTests(StackFixture fixture)
{
    private readonly Stack _stack = fixture.Stack;
    private readonly HttpClient _client = fixture.Stack.Client;

    [Fact]
    public async Task Signed_in_user_reaches_the_backend_with_the_identity_of_the_token()
    {
        var tokens = await _stack.SignInAsync("alice");

        var hello = await _client.GetAsync("/hello/", tokens.Access);
        var echo = await _client.GetAsync("/echo/x?y=1", tokens.Access);

        Assert.Equal((200, """{"message":"Hello, World!"}"""), (hello.Status, hello.Body));
        var headers = echo.Json.GetProperty("headers");
        Assert.Equal("/echo/x?y=1", echo.Json.GetProperty("path").GetString());
        Assert.Equal("alice", headers.GetProperty("X-User-Name")[0].GetString());
        Assert.Equal("user", headers.GetProperty("X-User-Roles")[0].GetString());
        Assert.Equal("api", headers.GetProperty("X-Client-Id")[0].GetString());
        Assert.False(headers.TryGetProperty("Authorization", out _));
    }

    [Fact]
    public async Task Request_without_a_token_is_told_to_bring_one()
    {
        var answer = await _client.GetAsync("/hello/", access: null);

        Assert.Equal((401, "token_missing", "application/problem+json"), (answer.Status, answer.Code, answer.MediaType));
        Assert.Equal("Bearer realm=\"gateway\"", answer.Headers.WwwAuthenticate.ToString());
    }

    [Fact]
    public async Task Identity_headers_of_the_client_never_arrive()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/public/echo/x");
        foreach (var name in new[] { "X-User-Id", "X_User_Id", "x.user.roles", "X-Session-Id", "X-Identity-Token", "X-Forwarded-User" })
            request.Headers.TryAddWithoutValidation(name, "admin");

        using var response = await _client.SendAsync(request, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

        Assert.Equal(200, (int)response.StatusCode);
        Assert.DoesNotContain("admin", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("alice", 403)]
    [InlineData("admin", 200)]
    public async Task Reports_are_for_administrators(string user, int status)
    {
        var tokens = await _stack.SignInAsync(user);

        var answer = await _client.GetAsync("/reports", tokens.Access);

        Assert.Equal(status, answer.Status);
    }

    [Fact]
    public async Task Orders_are_not_in_the_scope_of_a_sign_in()
    {
        var tokens = await _stack.SignInAsync("admin");

        var answer = await _client.GetAsync("/orders", tokens.Access);

        Assert.Equal((403, "insufficient_scope"), (answer.Status, answer.Code));
    }

    [Fact]
    public async Task Wrong_password_and_unknown_user_get_the_same_answer()
    {
        var wrong = await _client.PostAsync("/api/token/", new { username = "alice", password = "wrong" });
        var unknown = await _client.PostAsync("/api/token/", new { username = "nobody", password = "wrong" });

        Assert.Equal((401, "no_active_account"), (wrong.Status, wrong.Code));
        Assert.Equal(wrong.Body, unknown.Body);
        Assert.StartsWith("Bearer", wrong.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refresh_token_presented_again_within_the_grace_period_gives_the_same_successor()
    {
        var first = await _stack.SignInAsync();

        var second = (await _client.RefreshAsync(first.Refresh)).Tokens;
        var again = (await _client.RefreshAsync(first.Refresh)).Tokens;

        Assert.NotEqual(first.Refresh, second.Refresh);
        Assert.Equal(second.Refresh, again.Refresh);
        Assert.Equal(200, (await _client.GetAsync("/hello/", again.Access)).Status);
    }

    [Fact]
    public async Task Refresh_token_older_than_the_predecessor_ends_the_session()
    {
        var first = await _stack.SignInAsync();
        var second = (await _client.RefreshAsync(first.Refresh)).Tokens;
        var third = (await _client.RefreshAsync(second.Refresh)).Tokens;
        Assert.Equal(200, (await _client.GetAsync("/hello/", third.Access)).Status);

        var reuse = await _client.RefreshAsync(first.Refresh);

        Assert.Equal((401, "token_not_valid"), (reuse.Status, reuse.Code));
        await AssertEndedAsync(third);
        await AssertEndedAsync(first);
    }

    [Fact]
    public async Task Logout_ends_the_session_at_the_gateway_at_once()
    {
        var tokens = await _stack.SignInAsync();
        var other = await _stack.SignInAsync();
        Assert.Equal(200, (await _client.GetAsync("/hello/", tokens.Access)).Status);

        var logout = await _client.LogoutAsync(tokens.Access);

        var gateways = _stack.Gateways.Count;
        Assert.Equal((200, $$"""{"revoked":1,"gateways":{{gateways}},"acknowledged":{{gateways}},"durable":true}"""), (logout.Status, logout.Body));
        await AssertEndedAsync(tokens);
        Assert.Equal(200, (await _client.GetAsync("/hello/", other.Access)).Status);
    }

    [Fact]
    public async Task Blacklisted_refresh_token_ends_its_session_and_can_be_sent_again()
    {
        var tokens = await _stack.SignInAsync();

        var blacklisted = await _client.PostAsync("/api/token/blacklist/", new { refresh = tokens.Refresh });
        var again = await _client.PostAsync("/api/token/blacklist/", new { refresh = tokens.Refresh });
        var forged = await _client.PostAsync("/api/token/blacklist/", new { refresh = Forged(tokens.Refresh) });

        Assert.Equal((200, "{}"), (blacklisted.Status, blacklisted.Body));
        Assert.Equal((200, "{}"), (again.Status, again.Body));
        Assert.Equal(401, forged.Status);
        await AssertEndedAsync(tokens);
    }

    [Fact]
    public async Task Verify_says_yes_only_to_what_a_gateway_would_take()
    {
        var tokens = await _stack.SignInAsync();

        Assert.Equal((200, "{}"), ((await _client.VerifyAsync(tokens.Access)) is var access ? (access.Status, access.Body) : default));
        Assert.Equal(200, (await _client.VerifyAsync(tokens.Refresh)).Status);
        Assert.Equal(401, (await _client.VerifyAsync(Forged(tokens.Access))).Status);
        Assert.Equal(401, (await _client.VerifyAsync(Forged(tokens.Refresh))).Status);
    }

    [Fact]
    public async Task Registered_user_signs_in_and_changes_the_password_without_losing_this_session()
    {
        var name = $"user-{Guid.NewGuid():N}";
        var registered = await _client.PostAsync("/api/users", new { username = name, password = "a-first-password-1" });
        var here = await _stack.SignInAsync(name, "a-first-password-1", TestContext.Current.CancellationToken);
        var there = await _stack.SignInAsync(name, "a-first-password-1", TestContext.Current.CancellationToken);

        var changed = await _client.PostAsync("/api/users/me/password", new { current_password = "a-first-password-1", new_password = "a-second-password-1" }, here.Access);

        Assert.Equal((201, 200), (registered.Status, changed.Status));
        await AssertEndedAsync(there);
        Assert.Equal(200, (await _client.RefreshAsync(here.Refresh)).Status);
        Assert.Equal(401, (await _client.PostAsync("/api/token/", new { username = name, password = "a-first-password-1" })).Status);
        Assert.NotNull(await _stack.SignInAsync(name, "a-second-password-1", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Sessions_are_listed_and_ended_one_by_one()
    {
        var here = await _stack.SignInAsync("bob");
        var there = await _stack.SignInAsync("bob");

        var list = (await _client.GetAsync("/api/sessions", here.Access)).Json.EnumerateArray().ToList();
        var other = list.First(session => Equals(session.GetProperty("sid").GetString(), SessionOf(there)));
        var ended = await _client.AskAsync(HttpMethod.Delete, $"/api/sessions/{other.GetProperty("sid").GetString()}", here.Access);

        Assert.Equal(SessionOf(here), Assert.Single(list, session => session.GetProperty("current").GetBoolean()).GetProperty("sid").GetString());
        Assert.Equal(200, ended.Status);
        await AssertEndedAsync(there);
        Assert.Equal(200, (await _client.GetAsync("/hello/", here.Access)).Status);
    }

    private async Task AssertEndedAsync(TokenPair tokens)
    {
        var clock = Stopwatch.StartNew();
        foreach (var gateway in _stack.Gateways)
        {
            using var client = Stack.NewClient(gateway.Address);
            Assert.Equal("token_revoked", (await RefusedAsync(() => client.GetAsync("/hello/", tokens.Access))).Code);
        }

        var refresh = await _client.RefreshAsync(tokens.Refresh);
        Assert.Equal((401, "token_not_valid"), (refresh.Status, refresh.Code));
        // Each replica of the auth-service, too, hears of it for itself.
        foreach (var _ in _stack.AuthServices) await RefusedAsync(() => _client.VerifyAsync(tokens.Access));
        Assert.Equal(401, (await _client.VerifyAsync(tokens.Refresh)).Status);

        async Task<Answer> RefusedAsync(Func<Task<Answer>> askAsync)
        {
            Answer? answer = null;
            await Eventually.TrueAsync(
                async _ => (answer = await askAsync()).Status == 401,
                TimeSpan.FromSeconds(1),
                () => $"after {clock.ElapsedMilliseconds} ms the access token still gets {answer}",
                TestContext.Current.CancellationToken);
            return answer!;
        }
    }

    private static string Forged(string token) => token[..^5] + (token[^5] == 'A' ? 'B' : 'A') + token[^4..];

    private static string? SessionOf(TokenPair tokens) =>
        System.Text.Json.JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(tokens.Access.Split('.')[1])).RootElement.GetProperty("sid").GetString();
}
