using System.Text.Json;
using Gateway.RateLimiting;
using Testing;

namespace Gateway.Tests.RateLimiting;

public sealed class RateLimitTests
{
    private const string Routes = """
        {
          "limited": { "ClusterId": "backend", "RateLimiterPolicy": "few", "Match": { "Path": "/limited/{**rest}" } },
          "open": { "ClusterId": "backend", "RateLimiterPolicy": "few", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/open" } },
          "free": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/free" } }
        }
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("FixedWindow")]
    [InlineData("SlidingWindow")]
    [InlineData("TokenBucket")]
    public async Task Requests_beyond_the_limit_are_429_with_retry_after_and_a_stable_code(string algorithm)
    {
        await using var gateway = await StartAsync($$"""{ "PermitLimit": 3, "Window": "00:05:00", "PartitionBy": "user", "Algorithm": "{{algorithm}}" }""");
        for (var i = 0; i < 3; i++) Assert.Equal(200, (await AsAsync(gateway, "alice")).Status);
        var refused = await AsAsync(gateway, "alice");
        Assert.Equal(429, refused.Status);
        Assert.InRange(int.Parse(refused.Value("Retry-After")!), 1, 300);
        Assert.Equal("application/problem+json", refused.Value("Content-Type"));
        using var body = JsonDocument.Parse(refused.BodyText);
        Assert.Equal("rate_limited", body.RootElement.GetProperty("code").GetString());
        Assert.Equal(3, gateway.Backend.Requests.Count);
        // Others, and routes without a limit, are none the worse.
        Assert.Equal(200, (await AsAsync(gateway, "bob")).Status);
        Assert.Equal(200, (await gateway.GetAsync("/free")).Status);
    }

    [Fact]
    public async Task Requests_that_may_not_pass_use_up_nothing()
    {
        await using var gateway = await StartAsync("""{ "PermitLimit": 1, "Window": "00:05:00", "PartitionBy": "address" }""");
        for (var i = 0; i < 3; i++) Assert.Equal(401, (await gateway.GetAsync("/limited/x")).Status);
        Assert.Equal(200, (await AsAsync(gateway, "alice")).Status);
        Assert.Equal(429, (await AsAsync(gateway, "bob")).Status);
    }

    [Fact]
    public async Task Users_of_one_client_share_a_limit_by_client_and_who_is_not_signed_in_counts_by_address()
    {
        await using var gateway = await StartAsync("""{ "PermitLimit": 2, "Window": "00:05:00", "PartitionBy": "client" }""");
        Assert.Equal(200, (await AsAsync(gateway, "alice")).Status);
        Assert.Equal(200, (await AsAsync(gateway, "bob")).Status);
        Assert.Equal(429, (await AsAsync(gateway, "alice")).Status);
        Assert.Equal(200, (await gateway.GetAsync("/open")).Status);
        Assert.Equal(200, (await gateway.GetAsync("/open")).Status);
        Assert.Equal(429, (await gateway.GetAsync("/open")).Status);
    }

    [Theory]
    [InlineData("", "203.0.113.1", "203.0.113.2", true)]
    [InlineData("\"127.0.0.1\"", "203.0.113.1", "203.0.113.2", false)]
    [InlineData("\"127.0.0.1\"", "6.6.6.6, 203.0.113.1", "7.7.7.7, 203.0.113.1", true)]
    [InlineData("\"127.0.0.1\", \"10.0.0.0/8\"", "203.0.113.1, 10.0.0.1", "203.0.113.2, 10.0.0.1", false)]
    [InlineData("\"127.0.0.1\"", "[2001:db8:1:2::1]:443", "2001:db8:1:2:3::4", true)]
    [InlineData("\"127.0.0.1\"", "2001:db8:1:2::1", "2001:db8:1:3::1", false)]
    [InlineData("\"127.0.0.1\"", "nonsense", "other nonsense", true)]
    public async Task Address_is_the_last_hop_that_is_no_trusted_proxy(string trusted, string one, string two, bool together)
    {
        await using var gateway = await StartAsync("""{ "PermitLimit": 1, "Window": "00:05:00", "PartitionBy": "address" }""", $"[{trusted}]");
        Assert.Equal(200, (await gateway.GetAsync("/open", $"X-Forwarded-For: {one}")).Status);
        Assert.Equal(together ? 429 : 200, (await gateway.GetAsync("/open", $"X-Forwarded-For: {two}")).Status);
    }

    [Fact]
    public async Task Concurrency_counts_a_request_until_its_end_and_the_queue_waits_for_it()
    {
        var time = TimeProvider.System;
        using var limit = new RateLimit(new RateLimitDefinition("c", 1, default, RateLimitAlgorithm.Concurrency, RateLimitPartition.User, QueueLimit: 1, MaxPartitions: 10), time);
        var first = await limit.AcquireAsync("a", Cancellation);
        var waiting = limit.AcquireAsync("a", Cancellation);
        Assert.False(waiting.IsCompleted);
        using var refused = await limit.AcquireAsync("a", Cancellation);
        Assert.False(refused.IsAcquired);
        Assert.Equal(TimeSpan.FromSeconds(1), limit.RetryAfter(refused));
        first.Dispose();
        using var second = await waiting;
        Assert.True(second.IsAcquired);
    }

    [Fact]
    public async Task Partitions_beyond_the_most_are_counted_together()
    {
        using var limit = new RateLimit(
            new RateLimitDefinition("m", 1, TimeSpan.FromHours(1), RateLimitAlgorithm.FixedWindow, RateLimitPartition.Address, QueueLimit: 0, MaxPartitions: 100), TimeProvider.System);
        var passed = 0;
        for (var i = 0; i < 10_000; i++)
        {
            using var lease = await limit.AcquireAsync($"a{i}", Cancellation);
            if (lease.IsAcquired) passed++;
        }

        Assert.Equal(100, limit.Partitions);
        Assert.Equal(101, passed);
    }

    [Fact]
    public async Task Permits_come_back_with_the_next_window()
    {
        await using var gateway = await StartAsync("""{ "PermitLimit": 1, "Window": "00:00:01", "PartitionBy": "user" }""");
        Assert.Equal(200, (await AsAsync(gateway, "alice")).Status);
        await Eventually.TrueAsync(async () => (await AsAsync(gateway, "alice")).Status == 200, "the permit is back", Cancellation);
    }

    [Fact]
    public async Task Reload_that_names_an_unknown_limit_is_refused_and_one_that_leaves_a_limit_keeps_its_counts()
    {
        const string Limit = """{ "PermitLimit": 1, "Window": "00:05:00", "PartitionBy": "user" }""";
        await using var gateway = await StartAsync(Limit);
        Assert.Equal(200, (await AsAsync(gateway, "alice")).Status);
        gateway.WriteConfiguration(Configuration(Limit).Replace("\"RateLimiterPolicy\": \"few\"", "\"RateLimiterPolicy\": \"nowhere\"", StringComparison.Ordinal));
        await Eventually.TrueAsync(() => gateway.Logs.Entries.Any(entry => entry.Text.Contains("unknown rate limit 'nowhere'", StringComparison.Ordinal)), "the reload is refused", Cancellation);
        Assert.Equal(429, (await AsAsync(gateway, "alice")).Status);
        gateway.WriteConfiguration(Configuration(Limit).Replace("/free", "/freed", StringComparison.Ordinal));
        await Eventually.TrueAsync(async () => (await gateway.GetAsync("/freed")).Status == 200, "the reload is taken", Cancellation);
        Assert.Equal(429, (await AsAsync(gateway, "alice")).Status);
    }

    [Fact]
    public async Task Faults_stop_the_start_with_the_names_of_route_and_limit()
    {
        var problems = await RoutedGateway.FindProblemsAsync(RoutedGateway.Configuration(Routes, """
            { "RateLimits": { "other": { "PermitLimit": 0, "Window": "5", "Algorithm": "7", "Burst": 1 }, "c": { "PermitLimit": 1, "Algorithm": "Concurrency", "Window": "00:01:00", "PartitionBy": "user" } } }
            """).Replace("BACKEND", "http://127.0.0.1:1", StringComparison.Ordinal));
        foreach (var expected in (string[])
        [
            "ReverseProxy:Routes:limited:RateLimiterPolicy: route 'limited' names the unknown rate limit 'few'.",
            "ReverseProxy:Routes:open:RateLimiterPolicy: route 'open' names the unknown rate limit 'few'.",
            "Gateway:RateLimits:other:PermitLimit: must be a whole number from 1 to 1000000, not '0'.",
            "Gateway:RateLimits:other:Window: must be a time from 00:00:01 to 1.00:00:00, not '5'.",
            "Gateway:RateLimits:other:Algorithm: must be one of FixedWindow, SlidingWindow, TokenBucket, Concurrency, not '7'.",
            "Gateway:RateLimits:other:PartitionBy: must be one of User, Client, Address, not ''.",
            "Gateway:RateLimits:other:Burst: is not a setting",
            "Gateway:RateLimits:c:Window: Concurrency has no window.",
        ]) Assert.Contains(problems, problem => problem.StartsWith(expected, StringComparison.Ordinal));
    }

    private static string Configuration(string limit, string trusted = "[]") =>
        RoutedGateway.Configuration(Routes, $$"""{ "RateLimits": { "few": {{limit}} }, "TrustedProxies": {{trusted}} }""");

    private static async Task<RoutedGateway> StartAsync(string limit, string trusted = "[]")
    {
        var gateway = await RoutedGateway.StartAsync(Configuration(limit, trusted), Cancellation);
        gateway.Callers["bob"] = RoutedGateway.Caller("bob");
        return gateway;
    }

    private static Task<Http1Message> AsAsync(RoutedGateway gateway, string user) => gateway.GetAsync("/limited/x", $"Authorization: Bearer {user}");
}
