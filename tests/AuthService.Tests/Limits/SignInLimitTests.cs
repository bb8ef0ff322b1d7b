using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using AuthService.Tests.Tokens;

namespace AuthService.Tests.Limits;

/// <summary>A service with narrow limits and a period nothing comes back in; each test uses addresses of its own.</summary>
public sealed class LimitedService : IAsyncLifetime
{
    internal RunningService Service { get; } = new()
    {
        Settings =
        [
            "AuthService:SignInLimit:Period=23:00:00", "AuthService:SignInLimit:FailuresPerAddress=8", "AuthService:SignInLimit:FailuresPerAddressAndAccount=3",
            "AuthService:SignInLimit:FailuresPerAccount=6", "AuthService:SignInLimit:RegistrationsPerAddress=2", "AuthService:SignInLimit:RefreshesPerAddress=12",
            "AuthService:SignInLimit:RefreshesPerUser=15", "AuthService:SignInLimit:HashesWaiting=1000", "AuthService:RegistrationEnabled=true",
        ],
    };

    public ValueTask InitializeAsync() => Service.InitializeAsync();

    public ValueTask DisposeAsync() => Service.DisposeAsync();
}

public sealed class SignInLimitTests(LimitedService limited) : IClassFixture<LimitedService>
{
    private static int _users;
    private readonly RunningService _service = limited.Service;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Failures_from_an_address_slow_that_address_for_that_account_and_nobody_else()
    {
        var user = await NewUserAsync();
        for (var i = 0; i < 3; i++) Assert.Equal(401, await SignInStatusAsync(user, "wrong", "198.51.100.1"));

        // Also the right password: a refusal says nothing about it.
        var refused = await SignInAsync(user, "a-password-1", "198.51.100.1");
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        var wait = refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds;
        Assert.Equal("application/json", refused.Content.Headers.ContentType!.MediaType);
        Assert.Equal($$"""{"detail":"Request was throttled. Expected available in {{wait}} seconds."}""", await refused.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal(429, await SignInStatusAsync(user.ToUpperInvariant(), "a-password-1", "198.51.100.1"));

        Assert.Equal(200, await SignInStatusAsync(user, "a-password-1", "198.51.100.2"));
        Assert.Equal(200, await SignInStatusAsync("alice", "alice-password-1", "198.51.100.1"));
    }

    [Fact]
    public async Task Unknown_users_are_limited_like_known_ones()
    {
        for (var i = 0; i < 3; i++) Assert.Equal(401, await SignInStatusAsync("nobody", "wrong", "198.51.100.3"));
        Assert.Equal(429, await SignInStatusAsync("nobody", "wrong", "198.51.100.3"));
    }

    [Fact]
    public async Task Success_is_never_counted_and_takes_back_no_failure()
    {
        var user = await NewUserAsync();
        for (var i = 0; i < 3; i++)
        {
            for (var k = 0; k < 4; k++) Assert.Equal(200, await SignInStatusAsync(user, "a-password-1", "198.51.100.4"));
            Assert.Equal(401, await SignInStatusAsync(user, "wrong", "198.51.100.4"));
        }

        Assert.Equal(429, await SignInStatusAsync(user, "wrong", "198.51.100.4"));
    }

    [Fact]
    public async Task Whoever_goes_on_guessing_for_a_day_waits_longer_and_longer()
    {
        var user = await NewUserAsync();
        Assert.Equal(401, await SignInStatusAsync(user, "wrong", "198.51.100.31"));
        var key = await _service.Redis.RunCliAsync("KEYS", "*limit:{198.51.100.31}:sign-in-a-day:*");
        // One of thirty in a day.
        var life = TimeSpan.FromMilliseconds(await NumberAsync("PTTL", key));
        Assert.InRange(life, TimeSpan.FromMinutes(46), TimeSpan.FromMinutes(48));

        // As if the other twenty-nine had been used up, too slowly for the shorter limit to notice.
        var whole = await NumberAsync("GET", key) + (long)(TimeSpan.FromDays(1) - life).TotalMicroseconds;
        await _service.Redis.RunCliAsync("SET", key, whole.ToString(CultureInfo.InvariantCulture));
        var refused = await SignInAsync(user, "a-password-1", "198.51.100.31");
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value, TimeSpan.FromMinutes(45), TimeSpan.FromMinutes(49));
        Assert.Equal(200, await SignInStatusAsync(user, "a-password-1", "198.51.100.32"));
    }

    [Fact]
    public async Task Guesses_at_one_moment_are_no_more_than_guesses_one_by_one()
    {
        var user = await NewUserAsync();
        var statuses = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => SignInStatusAsync(user, "wrong", "198.51.100.5")));
        Assert.Equal(3, statuses.Count(status => status == 401));
        Assert.Equal(27, statuses.Count(status => status == 429));
    }

    [Fact]
    public async Task Failures_of_an_address_with_many_accounts_count_together()
    {
        var statuses = new List<int>();
        for (var i = 0; i < 10; i++) statuses.Add(await SignInStatusAsync($"guess-{i}", "wrong", "198.51.100.6"));
        Assert.Equal([401, 401, 401, 401, 401, 401, 401, 401, 429, 429], statuses);
    }

    [Fact]
    public async Task Account_guessed_from_many_addresses_leaves_each_one_guess_and_its_owner_signs_in()
    {
        var user = await NewUserAsync();
        for (var i = 1; i <= 6; i++) Assert.Equal(401, await SignInStatusAsync(user, "wrong", $"203.0.113.{i}"));

        Assert.Equal(401, await SignInStatusAsync(user, "wrong", "203.0.113.100"));
        Assert.Equal(429, await SignInStatusAsync(user, "wrong", "203.0.113.100"));
        for (var i = 0; i < 3; i++) Assert.Equal(200, await SignInStatusAsync(user, "a-password-1", "203.0.113.101"));
    }

    [Fact]
    public async Task Addresses_of_one_IPv6_network_are_one()
    {
        var user = await NewUserAsync();
        for (var i = 1; i <= 3; i++) Assert.Equal(401, await SignInStatusAsync(user, "wrong", $"2001:db8:1:2::{i}"));
        Assert.Equal(429, await SignInStatusAsync(user, "wrong", "2001:db8:1:2:ffff::1"));
        Assert.Equal(200, await SignInStatusAsync(user, "a-password-1", "2001:db8:1:3::1"));
    }

    [Fact]
    public async Task Addresses_a_client_makes_up_count_for_nothing()
    {
        var user = await NewUserAsync();
        for (var i = 1; i <= 3; i++) Assert.Equal(401, await SignInStatusAsync(user, "wrong", $"10.9.8.{i}, 198.51.100.7"));
        Assert.Equal(429, await SignInStatusAsync(user, "wrong", "10.9.8.4, 198.51.100.7"));
    }

    [Fact]
    public async Task Password_change_is_limited_like_sign_in_and_answers_a_problem()
    {
        var user = await NewUserAsync();
        var access = (await RunningService.JsonAsync(await SignInAsync(user, "a-password-1", "198.51.100.8"))).GetProperty("access").GetString()!;
        for (var i = 0; i < 3; i++) Assert.Equal(HttpStatusCode.BadRequest, (await ChangeAsync("wrong", "198.51.100.8")).StatusCode);

        var refused = await ChangeAsync("a-password-1", "198.51.100.8");
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType!.MediaType);
        Assert.Equal("too_many_requests", (await RunningService.JsonAsync(refused)).GetProperty("code").GetString());
        // The two ways of guessing count as one.
        Assert.Equal(429, await SignInStatusAsync(user, "a-password-1", "198.51.100.8"));
        Assert.Equal(HttpStatusCode.OK, (await ChangeAsync("a-password-1", "198.51.100.9")).StatusCode);

        Task<HttpResponseMessage> ChangeAsync(string current, string address) =>
            SendAsync("/api/users/me/password", new { current_password = current, new_password = "another-password-2" }, address, access);
    }

    [Fact]
    public async Task Registrations_are_limited_by_address()
    {
        for (var i = 0; i < 2; i++) Assert.Equal(HttpStatusCode.Created, (await RegisterAsync("198.51.100.10")).StatusCode);
        var refused = await RegisterAsync("198.51.100.10");
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal(HttpStatusCode.Created, (await RegisterAsync("198.51.100.11")).StatusCode);
    }

    [Fact]
    public async Task Refreshes_are_limited_by_address_and_the_token_works_on()
    {
        var refresh = (await RunningService.JsonAsync(await SignInAsync("bob", "bob-password-1", "198.51.100.12"))).GetProperty("refresh").GetString()!;
        for (var i = 0; i < 12; i++)
        {
            // A forged token costs nothing and counts for nothing.
            Assert.Equal(401, (int)(await RefreshAsync(refresh[..^1], "198.51.100.12")).StatusCode);
            refresh = (await RunningService.JsonAsync(await RefreshAsync(refresh, "198.51.100.12"))).GetProperty("refresh").GetString()!;
        }

        await _service.StartReplicaAsync();
        Assert.Equal(429, (int)(await RefreshAsync(refresh, "198.51.100.12")).StatusCode);
        var refused = await RefreshAsync(refresh, "198.51.100.12");
        Assert.Equal(429, (int)refused.StatusCode);
        Assert.StartsWith("""{"detail":"Request was throttled.""", await refused.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.Equal(200, (int)(await RefreshAsync(refresh, "198.51.100.13")).StatusCode);
    }

    [Fact]
    public async Task Refreshes_are_limited_by_user_and_only_those_that_succeed()
    {
        var user = await NewUserAsync();
        var pair = await RunningService.JsonAsync(await SignInAsync(user, "a-password-1", "198.51.100.14"));
        var ended = pair.GetProperty("refresh").GetString()!;
        await _service.PostAsync("/api/token/blacklist/", new { refresh = ended });
        for (var i = 0; i < 20; i++) Assert.Equal(401, (int)(await RefreshAsync(ended, $"192.0.2.{i + 1}")).StatusCode);

        var refresh = (await RunningService.JsonAsync(await SignInAsync(user, "a-password-1", "198.51.100.14"))).GetProperty("refresh").GetString()!;
        for (var i = 0; i < 15; i++)
            refresh = (await RunningService.JsonAsync(await RefreshAsync(refresh, $"192.0.2.{i + 100}"))).GetProperty("refresh").GetString()!;
        // Counted after the answer was earned: the one that exceeds the limit still has its answer.
        Assert.Equal(200, (int)(await RefreshAsync(refresh, "192.0.2.200")).StatusCode);
        Assert.Equal(429, (int)(await RefreshAsync(refresh, "192.0.2.201")).StatusCode);
    }

    private async Task<long> NumberAsync(params string[] command) => long.Parse(await _service.Redis.RunCliAsync(command), CultureInfo.InvariantCulture);

    private async Task<string> NewUserAsync()
    {
        var name = $"limited-{Interlocked.Increment(ref _users)}";
        var answer = await SendAsync("/api/users", new { username = name, password = "a-password-1" }, $"100.64.0.{_users}");
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        return name;
    }

    private Task<HttpResponseMessage> RegisterAsync(string address) =>
        SendAsync("/api/users", new { username = $"registered-{Interlocked.Increment(ref _users)}", password = "a-password-1" }, address);

    private Task<HttpResponseMessage> SignInAsync(string user, string password, string address) =>
        SendAsync("/api/token/", new { username = user, password }, address);

    private async Task<int> SignInStatusAsync(string user, string password, string address) => (int)(await SignInAsync(user, password, address)).StatusCode;

    private Task<HttpResponseMessage> RefreshAsync(string refresh, string address) => SendAsync("/api/token/refresh/", new { refresh }, address);

    private async Task<HttpResponseMessage> SendAsync(string path, object body, string address, string? access = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
        request.Headers.Add("X-Forwarded-For", address);
        if (access is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", access);
        return await _service.Client.SendAsync(request, Cancellation);
    }
}
