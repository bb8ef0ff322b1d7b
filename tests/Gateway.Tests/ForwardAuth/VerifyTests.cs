using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Testing;

namespace Gateway.Tests.ForwardAuth;

/// <summary>The decisions that other proxies are given, asked as nginx, Traefik and Envoy ask.</summary>
public sealed class VerifyTests : IAsyncLifetime
{
    private const string Routes = """
        {
          "public": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/public/{**rest}" } },
          "default": { "ClusterId": "backend", "Match": { "Path": "/default/{**rest}" } },
          "read": { "ClusterId": "backend", "AuthorizationPolicy": "read", "Match": { "Path": "/orders", "Methods": [ "GET" ] } },
          "write": { "ClusterId": "backend", "AuthorizationPolicy": "write", "Match": { "Path": "/orders", "Methods": [ "POST" ] } },
          "mapped": { "ClusterId": "backend", "Match": { "Path": "/mapped" }, "Metadata": {
            "Gateway.IdentityHeaders": "X-User-Id", "Gateway.ClaimHeaders": "address.city=X-City" } },
          "websocket": { "ClusterId": "backend", "CorsPolicy": "pages", "Match": { "Path": "/websocket" } },
          "files": { "ClusterId": "backend", "Match": { "Path": "/files/{**rest}" } },
          "catch": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/.well-known/{**rest}" } }
        }
        """;

    private const string Settings = """
        {
          "TrustedProxies": [ "127.0.0.0/8" ],
          "Paths": { "AllowEncodedSlashes": [ "/files/" ] },
          "Policies": { "read": { "Scopes": [ "orders.read" ] }, "write": { "Scopes": [ "orders.write" ] } },
          "Cors": { "pages": { "Origins": [ "https://app.example" ] } }
        }
        """;

    private RoutedGateway _gateway = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration(Routes, Settings), Cancellation);
        _gateway.Callers["reader"] = RoutedGateway.Caller("reader", new { address = new { city = "Köln" } }, "Rea Der", ["user"], ["orders.read"]);
    }

    public async ValueTask DisposeAsync()
    {
        Assert.Empty(_gateway.Backend.Requests);
        await _gateway.DisposeAsync();
    }

    [Theory]
    [InlineData("GET /verify", "X-Forwarded-Uri: /default/a?b=c", "X-Forwarded-Method: GET")]
    [InlineData("GET /verify", "X-Original-URI: /default/a", "X-Forwarded-Method: DELETE")]
    [InlineData("GET /verify", "X-Original-URI: /default/a")]
    [InlineData("GET /verify/", "X-Forwarded-Uri: /", "X-Forwarded-Method: GET")]
    [InlineData("POST /verify/default/a?b=c")]
    [InlineData("PROPFIND /verify/default/a%20b;c")]
    [InlineData("GET /verify/default/a", "X-Forwarded-Uri: /default/a", "X-Forwarded-Method: GET", "X-Original-URI: /default/a")]
    [InlineData("GET /%76erify/default/a")]
    public async Task Signed_in_caller_passes_with_identity_and_others_are_challenged(string start, params string[] headers)
    {
        var known = await AskAsync(start, [.. headers, "Authorization: Bearer reader"]);
        var unknown = await AskAsync(start, headers);

        if (start.EndsWith("/verify/", StringComparison.Ordinal))
        {
            Assert.Equal((403, 403), (known.Status, unknown.Status));
            return;
        }

        Assert.Equal(200, known.Status);
        Assert.Equal("no-store", known.Value("Cache-Control"));
        Assert.Equal("reader", known.Value("X-User-Id"));
        Assert.Equal("Rea%20Der", known.Value("X-User-Name"));
        Assert.Equal("user", known.Value("X-User-Roles"));
        using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(known.Value("X-Identity-Token")!.Split('.')[1]));
        Assert.Equal("verify", claims.RootElement.GetProperty("aud").GetString());
        Refused(unknown, 401, "token_missing");
        Assert.StartsWith("Bearer", unknown.Value("WWW-Authenticate"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_configured_proxies_may_ask()
    {
        await using var gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration(Routes, Settings.Replace("127.0.0.0/8", "10.0.0.0/8", StringComparison.Ordinal)), Cancellation);
        string[] targets = ["/verify", "/verify/public/a", "/verify/default/a"];
        foreach (var target in targets)
        {
            var answer = await gateway.GetAsync(target, "X-Forwarded-Uri: /public/a", "X-Forwarded-Method: GET", "Authorization: Bearer alice");
            Refused(answer, 403, "verify_untrusted_peer");
            Assert.Null(answer.Value("X-User-Id"));
        }
    }

    [Fact]
    public async Task Anonymous_route_passes_without_identity_or_with_it()
    {
        var unknown = await AskAsync("GET /verify", "X-Forwarded-Uri: /public/a", "X-Forwarded-Method: GET", "X-User-Id: FOREIGN");
        var known = await AskAsync("GET /verify/public/a", "Authorization: Bearer reader");

        Assert.Equal(200, unknown.Status);
        Assert.DoesNotContain(unknown.Headers, header => header.Key.StartsWith("X-", StringComparison.OrdinalIgnoreCase));
        Assert.Equal("reader", known.Value("X-User-Id"));
    }

    [Theory]
    [InlineData("GET", 200)]
    [InlineData("POST", 403)]
    [InlineData("DELETE", 403)]
    public async Task Asked_method_chooses_the_policy(string method, int status)
    {
        Assert.Equal(status, (await AskAsync("GET /verify", "X-Forwarded-Uri: /orders", $"X-Forwarded-Method: {method}", "Authorization: Bearer reader")).Status);
        Assert.Equal(status, (await AskAsync($"{method} /verify/orders", "Authorization: Bearer reader")).Status);
        // HTTP/1.0 proxies ask with GET whatever they were asked: that says nothing.
        Refused(await AskAsync("GET /verify", "X-Forwarded-Uri: /orders", "Authorization: Bearer reader"), 403, "insufficient_scope");
    }

    [Fact]
    public async Task Scope_that_is_missing_is_named()
    {
        var answer = await AskAsync("POST /verify/orders", "Authorization: Bearer reader");

        Refused(answer, 403, "insufficient_scope");
        Assert.Contains("scope=\"orders.write\"", answer.Value("WWW-Authenticate"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET /verify", "X-Forwarded-Uri: /default/a", "X-Original-URI: /public/a")]
    [InlineData("GET /verify", "X-Forwarded-Uri: /public/a", "X-Forwarded-Uri: /default/a")]
    [InlineData("GET /verify", "X-Forwarded-Uri: /public/a", "X-Forwarded-Method: GET", "X-Forwarded-Method: POST")]
    [InlineData("GET /verify/default/a", "X-Forwarded-Uri: /public/a")]
    [InlineData("GET /verify/default/a", "X-Original-URI: /default/b")]
    [InlineData("GET /verify/orders", "X-Forwarded-Method: POST")]
    public async Task Two_that_disagree_are_refused(string start, params string[] headers) =>
        Refused(await AskAsync(start, [.. headers, "Authorization: Bearer reader"]), 400, "verify_target_conflict");

    [Theory]
    [InlineData("/public/../default/a", "path_dot_segment")]
    [InlineData("/public/%2e%2e/default/a", "path_dot_segment")]
    [InlineData("/public/..;/default/a", "path_dot_segment")]
    [InlineData("/public//a", "path_empty_segment")]
    [InlineData("/public/a%2Fb", "path_encoded_separator")]
    [InlineData("/public/a\\b", "path_backslash")]
    [InlineData("/public/a#/b", "target_fragment")]
    [InlineData("/public/a b", "path_control_character")]
    [InlineData("/public/%zz", "path_percent_encoding")]
    [InlineData("/public/ä", "path_not_ascii")]
    [InlineData("http://x/public/a", "target_form")]
    [InlineData("*", "target_form")]
    [InlineData("", "target_form")]
    public async Task Asked_target_is_held_to_the_path_rules(string target, string code)
    {
        Refused(await AskAsync("GET /verify", $"X-Forwarded-Uri: {target}", "X-Forwarded-Method: GET", "Authorization: Bearer reader"), 400, code);
        Refused(await AskAsync("GET /verify", $"X-Original-URI: {target}", "Authorization: Bearer reader"), 400, code);
    }

    [Fact]
    public async Task Whole_path_corpus_is_judged_as_on_the_gateway_itself()
    {
        var targets = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "corpus", "paths.txt"))
            .Where(line => line.Length > 0 && line[0] != '#' && !line.Contains('`', StringComparison.Ordinal) && !line.StartsWith("400 ", StringComparison.Ordinal))
            .Select(line => line.Split(' ', 2)).ToList();
        Assert.True(targets.Count > 60);
        foreach (var target in targets)
        {
            var asked = await AskAsync("GET /verify", $"X-Forwarded-Uri: {target[1]}", "X-Forwarded-Method: GET");
            if (target[0] == "pass") Assert.NotEqual(400, asked.Status);
            else Refused(asked, 400, target[0]);
        }
    }

    [Fact]
    public async Task Encoded_slash_passes_below_a_configured_prefix_only()
    {
        Assert.Equal(200, (await AskAsync("GET /verify/files/a%2Fb", "Authorization: Bearer reader")).Status);
        Assert.Equal(200, (await AskAsync("GET /verify", "X-Forwarded-Uri: /files/a%2Fb", "X-Forwarded-Method: GET", "Authorization: Bearer reader")).Status);
        Refused(await AskAsync("GET /verify/default/a%2Fb", "Authorization: Bearer reader"), 400, "path_encoded_separator");
    }

    [Theory]
    [InlineData("X-Forwarded-Uri: /nowhere")]
    [InlineData("X-Forwarded-Uri: /verify")]
    [InlineData("X-Forwarded-Uri: /VERIFY/public/a")]
    [InlineData("X-Forwarded-Uri: /.well-known/identity-jwks.json")]
    [InlineData("X-Forwarded-Uri: /.well-known/identity-jwks.json/x")]
    [InlineData("X-Request-Id: 1")]
    public async Task Target_without_a_route_and_no_target_are_refused(string header) =>
        Refused(await AskAsync("GET /verify", header, "X-Forwarded-Method: GET", "Authorization: Bearer reader"), 403, "verify_no_route");

    [Fact]
    public async Task Default_policy_judges_what_names_no_target()
    {
        await using var gateway = await RoutedGateway.StartAsync(
            RoutedGateway.Configuration(Routes, Settings.Replace("\"Policies\"", "\"Verify\": { \"DefaultPolicy\": \"read\" }, \"Policies\"", StringComparison.Ordinal)), Cancellation);
        gateway.Callers["reader"] = RoutedGateway.Caller("reader", scopes: ["orders.read"]);

        Assert.Equal("reader", (await gateway.GetAsync("/verify", "Authorization: Bearer reader")).Value("X-User-Id"));
        Refused(await gateway.GetAsync("/verify", "Authorization: Bearer alice"), 403, "insufficient_scope");
        Refused(await gateway.GetAsync("/verify"), 401, "token_missing");
        Refused(await gateway.GetAsync("/verify", "X-Forwarded-Uri: /nowhere"), 403, "verify_no_route");
    }

    [Fact]
    public async Task Unknown_default_policy_stops_the_start()
    {
        var problem = Assert.Single(await RoutedGateway.FindProblemsAsync("""{ "Gateway": { "Verify": { "DefaultPolicy": "nope" } } }"""));
        Assert.Contains("Gateway:Verify:DefaultPolicy", problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Route_chooses_what_the_answer_says_about_the_caller()
    {
        var answer = await AskAsync("GET /verify/mapped", "Authorization: Bearer reader");

        Assert.Equal("reader", answer.Value("X-User-Id"));
        Assert.Equal("K%C3%B6ln", answer.Value("X-City"));
        Assert.Null(answer.Value("X-User-Name"));
        Assert.Null(answer.Value("X-Identity-Token"));
    }

    [Fact]
    public async Task Identity_beyond_the_limit_is_refused_and_leaves_nothing_in_the_answer()
    {
        _gateway.Callers["many"] = RoutedGateway.Caller("many", roles: [.. Enumerable.Range(0, 500).Select(i => $"some-long-role-{i}")]);

        var answer = await AskAsync("GET /verify/default/a", "Authorization: Bearer many");

        Refused(answer, 403, "identity_too_large");
        Assert.Null(answer.Value("X-User-Roles"));
    }

    [Fact]
    public async Task Websocket_token_needs_an_origin_that_the_asked_route_allows()
    {
        const string Protocol = "Sec-WebSocket-Protocol: chat, gateway.bearer.alice";

        var allowed = await AskAsync("GET /verify/websocket", Protocol, "Origin: https://app.example");
        Assert.True(allowed.Status == 200, allowed.BodyText);
        Refused(await AskAsync("GET /verify/websocket", Protocol, "Origin: https://evil.example"), 403, "origin_not_allowed");
        Refused(await AskAsync("GET /verify/default/a", Protocol, "Origin: https://app.example"), 403, "origin_not_allowed");
    }

    [Fact]
    public async Task What_cannot_be_known_is_503_and_says_when_to_ask_again()
    {
        _gateway.RevocationIsKnown = false;

        var answer = await AskAsync("GET /verify/default/a", "Authorization: Bearer reader");

        Refused(answer, 503, "revocation_unknown");
        Assert.NotNull(answer.Value("Retry-After"));
    }

    private Task<Http1Message> AskAsync(string start, params string[] headers) => _gateway.SendAsync(
        $"{start} HTTP/1.1\r\nHost: 127.0.0.1:{_gateway.Port}\r\n{string.Concat(headers.Select(header => header + "\r\n"))}Content-Length: 0\r\n\r\n");

    private static void Refused(Http1Message answer, int status, string code)
    {
        Assert.Equal(status, answer.Status);
        Assert.Contains($"\"code\":\"{code}\"", Encoding.UTF8.GetString(answer.Body), StringComparison.Ordinal);
        Assert.Equal("no-store", answer.Value("Cache-Control"));
    }
}
