namespace Gateway.Tests.Routing;

/// <summary>What stops the start, and what a bad reload leaves in force.</summary>
public sealed class RouteConfigurationTests
{
    private const string Good = """{ "a": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/a" } } }""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("""{ "r1": { "ClusterId": "backend", "AuthorizationPolicy": "nope", "Match": { "Path": "/a" } } }""", "r1", "'nope'")]
    [InlineData("""{ "r1": { "ClusterId": "gone", "Match": { "Path": "/a" } } }""", "r1", "'gone'")]
    [InlineData("""{ "r1": { "Match": { "Path": "/a" } } }""", "r1", "cluster")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "CorsPolicy": "nope", "Match": { "Path": "/a" } } }""", "r1", "'nope'")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/verify" } } }""", "r1", "/verify")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "Verify/{**rest}" } } }""", "r1", "/verify")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/.well-known/identity-jwks.json" } } }""", "r1", "identity-jwks.json")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/a", "Headers": [ { "Name": "x", "Values": [ "1" ] } ] } } }""", "r1", "headers")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/a" }, "Metadata": { "Gateway.Authorisation": "keep" } } }""", "r1", "Gateway.Authorisation")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/a" }, "Metadata": { "Gateway.Authorization": "yes" } } }""", "r1", "'yes'")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/a" }, "Metadata": { "Gateway.IdentityHeaders": "X-User" } } }""", "r1", "'X-User'")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/a" }, "Metadata": { "Gateway.ClaimHeaders": "email=x_user_id" } } }""", "r1", "'x_user_id'")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/a" }, "Metadata": { "Gateway.ClaimHeaders": "email=Transfer_Encoding" } } }""", "r1", "'Transfer_Encoding'")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/a" }, "Metadata": { "Gateway.ClaimHeaders": "email=Content-Language" } } }""", "r1", "'Content-Language'")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/a" }, "Metadata": { "Gateway.ClaimHeaders": "email=content_location" } } }""", "r1", "'content_location'")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/a" }, "Metadata": { "Gateway.ClaimHeaders": "email=Last-Modified" } } }""", "r1", "'Last-Modified'")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/a" }, "Metadata": { "Gateway.ClaimHeaders": "email=X-Forwarded-User" } } }""", "r1", "'X-Forwarded-User'")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/a" }, "Metadata": { "Gateway.AllowedHeaders": "X-User_Id" } } }""", "r1", "'X-User_Id'")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/a" }, "Metadata": { "Gateway.Resolved.Policy": "{}" } } }""", "r1", "Gateway.Resolved.Policy")]
    [InlineData("""{ "r1": { "ClusterId": "backend", "Match": { "Path": "/a" }, "Metadata": { "Gateway.ActivityTimeout": "-1" } } }""", "r1", "'-1'")]
    public async Task Faulty_route_stops_the_start_and_is_named(string routes, string route, string fault)
    {
        var problem = Assert.Single(await RoutedGateway.FindProblemsAsync(Configuration(routes)));

        Assert.Contains(route, problem, StringComparison.Ordinal);
        Assert.Contains(fault, problem, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("""{ "Policies": { "p": {} } }""", "Gateway:Policies:p")]
    [InlineData("""{ "Policies": { "p": { "Scope": [ "a" ], "Roles": [ "b" ] } } }""", "Gateway:Policies:p:Scope")]
    [InlineData("""{ "Policies": { "Anonymous": { "Roles": [ "a" ] } } }""", "Gateway:Policies:Anonymous")]
    [InlineData("""{ "Policies": { "p": { "Claims": { "tenant": [] } } } }""", "Gateway:Policies:p:Claims:tenant")]
    [InlineData("""{ "Cors": { "c": { "Methods": [ "GET" ] } } }""", "Gateway:Cors:c:Origins")]
    [InlineData("""{ "Cors": { "c": { "Origins": [ "http://a/path" ] } } }""", "Gateway:Cors:c:Origins")]
    [InlineData("""{ "Cors": { "c": { "Origins": [ "*" ], "Credentials": true } } }""", "Gateway:Cors:c:Origins")]
    [InlineData("""{ "Paths": { "AllowEncodedSlashes": [ "files" ] } }""", "Gateway:Paths:AllowEncodedSlashes:0")]
    [InlineData("""{ "Paths": { "EncodedSlashes": [ "/files/" ] } }""", "EncodedSlashes")]
    [InlineData("""{ "TrustedProxies": [ "10.0.0.0/8", "everyone" ] }""", "Gateway:TrustedProxies:1")]
    public async Task Faulty_setting_stops_the_start_and_is_named(string gateway, string key)
    {
        var problem = Assert.Single(await RoutedGateway.FindProblemsAsync("{ \"Gateway\": " + gateway + " }"));

        Assert.Contains(key, problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_problem_is_listed_at_once()
    {
        var problems = await RoutedGateway.FindProblemsAsync(Configuration("""
            { "r1": { "ClusterId": "gone", "AuthorizationPolicy": "nope", "Match": { "Path": "/verify" } },
              "r2": { "ClusterId": "gone2", "Match": { "Path": "/b" } } }
            """));

        Assert.Equal(4, problems.Count);
    }

    [Fact]
    public async Task Route_chosen_by_a_header_may_stand_beside_its_twin()
    {
        Assert.Empty(await RoutedGateway.FindProblemsAsync(Configuration("""
            { "canary": { "ClusterId": "backend", "Match": { "Path": "/a", "Headers": [ { "Name": "x", "Values": [ "1" ] } ] } },
              "plain": { "ClusterId": "backend", "AuthorizationPolicy": "default", "Match": { "Path": "/a" } } }
            """)));
    }

    [Theory]
    [InlineData("""{ "a": { "ClusterId": "backend", "AuthorizationPolicy": "nope", "Match": { "Path": "/a" } } }""", "'nope'")]
    [InlineData("""{ "a": { "ClusterId": "gone", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/a" } } }""", "'gone'")]
    [InlineData("""{ "a": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/verify" } } }""", "/verify")]
    public async Task Faulty_reload_is_refused_and_the_old_configuration_serves_on(string routes, string fault)
    {
        await using var gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration(Good), Cancellation);

        gateway.WriteConfiguration(RoutedGateway.Configuration(routes));
        await Eventually(() => gateway.Logs.Entries.Any(entry =>
            entry.EventId == 1101 && entry.Text.Contains(fault, StringComparison.Ordinal) && entry.Text.Contains("'a'", StringComparison.Ordinal)));

        Assert.Equal(200, (await gateway.GetAsync("/a")).Status);

        gateway.WriteConfiguration(RoutedGateway.Configuration(
            """{ "b": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/b" } } }"""));
        await EventuallyAsync(async () => (await gateway.GetAsync("/b")).Status == 200);
        Assert.Equal(404, (await gateway.GetAsync("/a")).Status);
    }

    [Fact]
    public async Task Reload_of_a_broken_file_is_refused_and_the_old_configuration_serves_on()
    {
        await using var gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration(Good), Cancellation);

        gateway.WriteConfiguration("{ \"ReverseProxy\": { ");
        await Eventually(() => gateway.Logs.Entries.Any(entry => entry is { EventId: 1102, Level: Microsoft.Extensions.Logging.LogLevel.Error }));
        Assert.Equal(200, (await gateway.GetAsync("/a")).Status);

        gateway.WriteConfiguration(RoutedGateway.Configuration(Good.Replace("/a", "/b", StringComparison.Ordinal)));
        await EventuallyAsync(async () => (await gateway.GetAsync("/b")).Status == 200);
    }

    [Fact]
    public async Task Changed_policy_is_in_force_without_any_change_to_its_routes()
    {
        const string Routes = """{ "a": { "ClusterId": "backend", "AuthorizationPolicy": "p", "Match": { "Path": "/a" } } }""";
        await using var gateway = await RoutedGateway.StartAsync(
            RoutedGateway.Configuration(Routes, """{ "Policies": { "p": { "Clients": [ "demo" ] } } }"""), Cancellation);
        Assert.Equal(200, (await gateway.GetAsync("/a", "Authorization: Bearer alice")).Status);

        gateway.WriteConfiguration(RoutedGateway.Configuration(Routes, """{ "Policies": { "p": { "Clients": [ "other" ] } } }"""));

        await EventuallyAsync(async () => (await gateway.GetAsync("/a", "Authorization: Bearer alice")).Status == 403);
    }

    private static string Configuration(string routes) =>
        RoutedGateway.Configuration(routes).Replace("BACKEND", "http://127.0.0.1:1", StringComparison.Ordinal);

    private static Task Eventually(Func<bool> condition) => EventuallyAsync(() => Task.FromResult(condition()));

    private static async Task EventuallyAsync(Func<Task<bool>> condition)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        deadline.CancelAfter(TimeSpan.FromSeconds(15));
        while (!await condition()) await Task.Delay(50, deadline.Token);
    }
}
