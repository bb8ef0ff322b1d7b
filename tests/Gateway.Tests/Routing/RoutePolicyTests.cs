using Gateway.Routing;
using Testing;

namespace Gateway.Tests.Routing;

/// <summary>Who may pass which route.</summary>
public sealed class RoutePolicyTests : IAsyncLifetime
{
    private const string Routes = """
        {
          "unsaid": { "ClusterId": "backend", "Match": { "Path": "/unsaid" } },
          "default": { "ClusterId": "backend", "AuthorizationPolicy": "Default", "Match": { "Path": "/default" } },
          "anonymous": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/anonymous" } },
          "scopes": { "ClusterId": "backend", "AuthorizationPolicy": "scopes", "Match": { "Path": "/scopes" } },
          "roles": { "ClusterId": "backend", "AuthorizationPolicy": "roles", "Match": { "Path": "/roles" } },
          "clients": { "ClusterId": "backend", "AuthorizationPolicy": "clients", "Match": { "Path": "/clients" } },
          "claims": { "ClusterId": "backend", "AuthorizationPolicy": "claims", "Match": { "Path": "/claims" } },
          "get": { "ClusterId": "backend", "Match": { "Path": "/methods", "Methods": [ "GET" ] } },
          "catch-all": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Order": 9, "Match": { "Path": "/all/{**rest}" } },
          "stripped": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/strip/{**rest}" },
            "Transforms": [ { "PathRemovePrefix": "/strip" } ] },
          "pattern": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/pattern/{**rest}" },
            "Transforms": [ { "PathPattern": "/x y/{**rest}" } ] },
          "query": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/query" },
            "Transforms": [ { "QueryValueParameter": "added", "Set": "a b" } ] }
        }
        """;

    private const string Policies = """
        {
          "Policies": {
            "scopes": { "Scopes": [ "a", "b" ] },
            "roles": { "Roles": [ "admin", "root" ] },
            "clients": { "Clients": [ "demo" ] },
            "claims": { "Claims": { "tenant": [ "t1", "t2" ], "level": [ "3" ], "verified": "true" } }
          }
        }
        """;

    private RoutedGateway _gateway = null!;

    public async ValueTask InitializeAsync() =>
        _gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration(Routes, Policies), TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Theory]
    [InlineData("/unsaid", 401)]
    [InlineData("/default", 401)]
    [InlineData("/scopes", 401)]
    [InlineData("/anonymous", 200)]
    [InlineData("/nowhere", 404)]
    public async Task Route_without_caller_answers_by_its_policy(string path, int status)
    {
        var answer = await _gateway.GetAsync(path);

        Assert.Equal(status, answer.Status);
        Assert.Equal(status == 200 ? 1 : 0, _gateway.Backend.Requests.Count);
        if (status == 401) Assert.Equal("Bearer realm=\"gateway\"", answer.Value("WWW-Authenticate"));
        if (status != 200) Assert.Equal("application/problem+json", answer.Value("Content-Type"));
    }

    [Theory]
    [InlineData("/unsaid", 200, new string[0], new string[0])]
    [InlineData("/scopes", 200, new[] { "b", "c", "a" }, new string[0])]
    [InlineData("/scopes", 403, new[] { "a" }, new string[0])]
    [InlineData("/scopes", 403, new[] { "A", "b" }, new string[0])]
    [InlineData("/roles", 200, new string[0], new[] { "root" })]
    [InlineData("/roles", 403, new[] { "admin" }, new[] { "user" })]
    [InlineData("/clients", 200, new string[0], new string[0])]
    public async Task Caller_passes_a_policy_it_satisfies(string path, int status, string[] scopes, string[] roles)
    {
        _gateway.Callers["caller"] = RoutedGateway.Caller("caller", scopes: scopes, roles: roles);

        var answer = await _gateway.GetAsync(path, "Authorization: Bearer caller");

        Assert.Equal(status, answer.Status);
        if (status == 403) Assert.Contains("\"code\":\"insufficient_scope\"", answer.BodyText, StringComparison.Ordinal);
        if (status == 403 && path == "/scopes") Assert.EndsWith("scope=\"a b\"", answer.Value("WWW-Authenticate"), StringComparison.Ordinal);
    }

    public static TheoryData<object, int> Claims() => new()
    {
        { new { tenant = "t2", level = 3, verified = true }, 200 },
        { new { tenant = new[] { "x", "t1" }, level = "3", verified = "true" }, 200 },
        { new { tenant = "t3", level = 3, verified = true }, 403 },
        { new { tenant = "t1", level = 4, verified = true }, 403 },
        { new { tenant = "t1", level = 3, verified = false }, 403 },
        { new { tenant = "t1", level = 3 }, 403 },
        { new { tenant = new { t1 = "t1" }, level = 3, verified = true }, 403 },
        { new { tenant = (string?)null, level = 3, verified = true }, 403 },
    };

    [Theory]
    [MemberData(nameof(Claims), DisableDiscoveryEnumeration = true)]
    public async Task Claims_policy_wants_one_accepted_value_of_each_claim(object claims, int status)
    {
        _gateway.Callers["caller"] = RoutedGateway.Caller("caller", claims);

        Assert.Equal(status, (await _gateway.GetAsync("/claims", "Authorization: Bearer caller")).Status);
    }

    [Theory]
    [InlineData("sub", "alice", false)]
    [InlineData("sub", "partner:alice", true)]
    [InlineData("roles", "admin", false)]
    [InlineData("roles", "user", true)]
    [InlineData("tenant", "t1", true)]
    public void Claims_policy_sees_a_foreign_subject_behind_its_prefix_and_roles_that_may_be_given(string claim, string accepted, bool admitted)
    {
        var policy = new RoutePolicy(new PolicyDefinition("p", [], [], [], new Dictionary<string, string[]> { [claim] = [accepted] }));
        var caller = RoutedGateway.Caller("partner:alice", new { sub = "alice", roles = new[] { "user", "admin" }, tenant = "t1" }, roles: ["user"], isForeign: true);

        Assert.Equal(admitted, policy.Admits(caller));
        Assert.Equal(admitted, !policy.FindUnmet(caller).Any());
    }

    [Fact]
    public async Task Method_without_a_route_is_405_with_what_is_allowed()
    {
        var answer = await _gateway.SendAsync("OPTIONS /methods HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\nAccess-Control-Request-Method: GET\r\n\r\n");

        Assert.Equal(405, answer.Status);
        Assert.Equal("GET", answer.Value("Allow"));
        Assert.Contains("\"code\":\"method_not_allowed\"", answer.BodyText, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(405, "Allow: PUT")]
    [InlineData(400, "X-Reason: short")]
    [InlineData(503, "Retry-After: 7")]
    public async Task Refusal_of_a_backend_without_a_body_stays_as_it_is(int status, string header)
    {
        _gateway.Backend.Respond = _ => RecordingBackend.Answer($"HTTP/1.1 {status} No\r\n{header}\r\nContent-Length: 0\r\n\r\n");

        var answer = await _gateway.GetAsync("/anonymous");

        Assert.Equal((status, ""), (answer.Status, answer.BodyText));
        Assert.Equal(header.Split(": ")[1], answer.Value(header.Split(": ")[0]));
        Assert.Null(answer.Value("Content-Type"));
    }

    [Theory]
    [InlineData("/strip/anonymous", 200, "/anonymous")]
    [InlineData("/strip/nowhere/%61?x=1%20", 200, "/nowhere/%61?x=1%20")]
    [InlineData("/strip/a%252e%252e/%252e%252e/b", 200, "/a%252e%252e/%252e%252e/b")]
    [InlineData("/strip/caf%E9/a%25b", 200, "/caf%E9/a%25b")]
    [InlineData("/strip/default", 401, null)]
    [InlineData("/strip/DEFAULT", 401, null)]
    [InlineData("/strip/%64efault", 401, null)]
    [InlineData("/strip/all/x", 200, "/all/x")]
    [InlineData("/pattern/a%61/b%252Fc", 200, "/x%20y/a%61/b%252Fc")]
    [InlineData("/pattern/%252e%252e/secret", 200, "/x%20y/%252e%252e/secret")]
    // YARP writes a query that it changes anew.
    [InlineData("/query?x=%61", 200, "/query?x=a&added=a%20b")]
    public async Task Transformed_path_keeps_its_bytes_and_passes_the_policy_of_its_new_place(string target, int status, string? forwarded)
    {
        var answer = await _gateway.GetAsync(target);

        Assert.Equal(status, answer.Status);
        Assert.Equal(forwarded, _gateway.Backend.Requests.SingleOrDefault()?.Target);
    }

    [Fact]
    public void Policy_is_evaluated_without_allocation()
    {
        var policy = new RoutePolicy(new PolicyDefinition(
            "p", ["a"], ["admin"], ["demo"], new Dictionary<string, string[]> { ["tenant"] = ["t1"], ["level"] = ["3"] }));
        var caller = RoutedGateway.Caller("s", new { tenant = new[] { "t0", "t1" }, level = 3 }, roles: ["admin"], scopes: ["a"]);
        Assert.True(policy.Admits(caller));

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++) policy.Admits(caller);

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
