namespace Gateway.Tests.Routing;

/// <summary>CORS per route, by what a browser would see.</summary>
public sealed class CorsTests : IAsyncLifetime
{
    private const string Origin = "Origin: http://127.0.0.1:5173";

    private const string Routes = """
        {
          "cors": { "ClusterId": "backend", "CorsPolicy": "demo", "Match": { "Path": "/cors" } },
          "cors-get": { "ClusterId": "backend", "CorsPolicy": "demo", "Match": { "Path": "/cors-get", "Methods": [ "GET" ] } },
          "plain": { "ClusterId": "backend", "Match": { "Path": "/plain" } },
          "open": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "CorsPolicy": "any", "Match": { "Path": "/open" } }
        }
        """;

    private const string Settings = """
        {
          "Cors": {
            "demo": { "Origins": [ "http://127.0.0.1:*", "https://app.example.com" ], "Methods": [ "GET", "PUT" ],
              "Headers": [ "Authorization" ], "ExposedHeaders": [ "ETag" ], "Credentials": true, "MaxAge": "00:10:00" },
            "any": { "Origins": "*" }
          }
        }
        """;

    private RoutedGateway _gateway = null!;

    public async ValueTask InitializeAsync() =>
        _gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration(Routes, Settings), TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Theory]
    [InlineData("/cors", "PUT")]
    [InlineData("/cors-get", "GET")]
    public async Task Preflight_is_answered_without_a_token(string path, string method)
    {
        var answer = await PreflightAsync(path, Origin, method);

        Assert.Equal(204, answer.Status);
        Assert.Equal("http://127.0.0.1:5173", answer.Value("Access-Control-Allow-Origin"));
        Assert.Equal("GET, PUT", answer.Value("Access-Control-Allow-Methods"));
        Assert.Equal("Authorization", answer.Value("Access-Control-Allow-Headers"));
        Assert.Equal("true", answer.Value("Access-Control-Allow-Credentials"));
        Assert.Equal("600", answer.Value("Access-Control-Max-Age"));
        Assert.Equal("Origin", answer.Value("Vary"));
        Assert.Empty(_gateway.Backend.Requests);
    }

    [Theory]
    [InlineData("Origin: http://127.0.0.1.evil.example")]
    [InlineData("Origin: http://127.0.0.1:80x")]
    [InlineData("Origin: https://127.0.0.1:5173")]
    [InlineData("Origin: https://app.example.com.evil.example")]
    [InlineData("Origin: https://app.example.com:8443")]
    [InlineData("Origin: null")]
    public async Task Preflight_of_another_origin_is_granted_nothing(string origin)
    {
        var answer = await PreflightAsync("/cors", origin, "GET");

        Assert.DoesNotContain(answer.Headers, header => header.Key.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase));
        Assert.Empty(_gateway.Backend.Requests);
    }

    [Fact]
    public async Task Options_is_a_method_like_any_other_without_a_cors_policy()
    {
        Assert.Equal(401, (await PreflightAsync("/plain", Origin, "GET")).Status);
        Assert.Equal(401, (await _gateway.SendAsync($"OPTIONS /cors HTTP/1.1\r\nHost: x\r\n{Origin}\r\n\r\n")).Status);
        Assert.Empty(_gateway.Backend.Requests);
    }

    [Fact]
    public async Task Refusal_can_be_read_by_the_page_that_caused_it()
    {
        var answer = await _gateway.GetAsync("/cors", Origin);

        Assert.Equal(401, answer.Status);
        Assert.Equal("http://127.0.0.1:5173", answer.Value("Access-Control-Allow-Origin"));
        Assert.Equal("ETag", answer.Value("Access-Control-Expose-Headers"));
    }

    [Fact]
    public async Task Backend_does_not_decide_about_origins()
    {
        _gateway.Backend.Respond = _ => Testing.RecordingBackend.Answer(
            "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\nVary: Accept\r\nContent-Length: 0\r\n\r\n");

        var allowed = await _gateway.GetAsync("/cors", Origin, "Authorization: Bearer alice");
        var other = await _gateway.GetAsync("/cors", "Origin: http://evil.example", "Authorization: Bearer alice");
        var open = await _gateway.GetAsync("/open", "Origin: http://evil.example");

        Assert.Equal("http://127.0.0.1:5173", allowed.Value("Access-Control-Allow-Origin"));
        Assert.Equal(["Accept", "Origin"], string.Join(",", allowed.Values("Vary")).Split(',', StringSplitOptions.TrimEntries));
        Assert.Equal(200, other.Status);
        Assert.Null(other.Value("Access-Control-Allow-Origin"));
        Assert.Null(other.Value("Access-Control-Allow-Credentials"));
        Assert.Equal("*", open.Value("Access-Control-Allow-Origin"));
        Assert.Null(open.Value("Access-Control-Allow-Credentials"));
    }

    [Theory]
    [InlineData("/cors", Origin, 200)]
    [InlineData("/cors", "Origin: http://evil.example", 403)]
    [InlineData("/cors", "X-No-Origin: 1", 403)]
    [InlineData("/plain", Origin, 403)]
    public async Task Token_as_websocket_protocol_needs_an_allowed_origin(string path, string origin, int status)
    {
        var answer = await _gateway.GetAsync(path, origin, "Sec-WebSocket-Protocol: chat, gateway.bearer.alice");

        Assert.Equal(status, answer.Status);
        Assert.Equal(status == 200 ? 1 : 0, _gateway.Backend.Requests.Count);
        if (status == 403) Assert.Contains("\"code\":\"origin_not_allowed\"", answer.BodyText, StringComparison.Ordinal);
    }

    private Task<Testing.Http1Message> PreflightAsync(string path, string origin, string method) => _gateway.SendAsync(
        $"OPTIONS {path} HTTP/1.1\r\nHost: x\r\n{origin}\r\nAccess-Control-Request-Method: {method}\r\n\r\n");
}
