using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Testing;

namespace EndToEnd.Tests;

/// <summary>A sample backend by itself, shared by the tests of its class, which are its gateway.</summary>
public sealed class SampleBackendFixture : IAsyncLifetime
{
    private readonly SigningKey _key = SigningKey.Create();
    private KeyServer _gateway = null!;
    private Stack _stack = null!;

    public Uri Address => _stack.SampleBackend.Address;

    public HttpClient Client { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _gateway = await KeyServer.StartAsync(_key);
        _stack = await CreateStackAsync();
        await _stack.SampleBackend.StartAsync(TestContext.Current.CancellationToken);
        Client = Stack.NewClient(Address);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _stack.DisposeAsync();
        await _gateway.DisposeAsync();
        _key.Dispose();
    }

    /// <summary>A stack whose backend believes in the tests' keys.</summary>
    public Task<Stack> CreateStackAsync() => Stack.CreateAsync(new StackOptions
    {
        SampleBackendEnvironment = new Dictionary<string, string>
        {
            ["ForwardedIdentity__Gateway"] = _gateway.Issuer,
            ["ForwardedIdentity__KeysAddress"] = _gateway.Issuer + "/jwks",
        },
    });

    /// <summary>The header that the gateway sends, with an identity token of those claims.</summary>
    public (string Name, string Value) Identity(params (string Claim, JsonNode Value)[] claims)
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        var payload = new JsonObject { ["iss"] = _gateway.Issuer, ["aud"] = "sample-backend", ["iat"] = now, ["exp"] = now + 60, ["sub"] = "u" };
        foreach (var (claim, value) in claims) payload[claim] = value;
        return ("X-Identity-Token", TokenForge.Sign(_key, new JsonObject { ["alg"] = "ES256", ["typ"] = "identity+jwt", ["kid"] = _key.Kid }.ToJsonString(), payload.ToJsonString()));
    }
}

/// <summary>The sample backend, spoken to as a gateway would.</summary>
public sealed class SampleBackendTests(SampleBackendFixture fixture) : IClassFixture<SampleBackendFixture>
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    private readonly HttpClient _backend = fixture.Client;

    [Theory]
    [InlineData("/hello/")]
    [InlineData("/echo/x")]
    [InlineData("/orders")]
    [InlineData("/reports")]
    [InlineData("/sse/clock")]
    [InlineData("/ws/echo")]
    [InlineData("/no-such-path")]
    public async Task Request_without_an_identity_is_refused_with_a_challenge(string path)
    {
        using var response = await _backend.GetAsync(path, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.NotEmpty(response.Headers.WwwAuthenticate);
        Assert.Equal("identity_missing", (await JsonAsync(response)).GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("/chain/hello")]
    [InlineData("/hello/")]
    public async Task Unsigned_identity_headers_are_as_good_as_none(string path)
    {
        using var response = await SendAsync(_backend, HttpMethod.Get, path, ("X-User-Id", "u"), ("X-User-Roles", "admin"));

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("identity_missing", (await JsonAsync(response)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task Identity_for_another_audience_is_refused()
    {
        using var response = await SendAsync(_backend, HttpMethod.Get, "/hello/", fixture.Identity(("aud", "other-backend")));

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("identity_invalid", (await JsonAsync(response)).GetProperty("code").GetString());
    }

    [Theory]
    [InlineData("/public/ping", 200)]
    [InlineData("/public/echo/x", 200)]
    [InlineData("/public/no-such-path", 404)]
    public async Task Public_path_needs_no_identity(string path, int status)
    {
        using var response = await _backend.GetAsync(path, TestContext.Current.CancellationToken);

        Assert.Equal(status, (int)response.StatusCode);
    }

    [Theory]
    [InlineData("GET", "/reports", "roles", "user", 403)]
    [InlineData("GET", "/reports", "roles", "admin", 200)]
    [InlineData("GET", "/reports", "roles", "user,admin", 403)]
    [InlineData("GET", "/orders", "scope", "profile", 403)]
    [InlineData("GET", "/orders", "scope", "profile orders.read", 200)]
    [InlineData("POST", "/orders", "scope", "orders.read", 403)]
    public async Task Identity_decides_what_the_caller_may_do(string method, string path, string claim, string value, int status)
    {
        using var response = await SendAsync(_backend, new HttpMethod(method), path, fixture.Identity((claim, value)));

        Assert.Equal(status, (int)response.StatusCode);
    }

    [Fact]
    public async Task Identity_token_sent_twice_is_refused()
    {
        var (name, token) = fixture.Identity();
        var answer = await RawConnection.AskAsync(
            fixture.Address, $"GET /hello/ HTTP/1.1\r\nHost: b\r\n{name}: {token}\r\n{name}: {token}\r\n\r\n", Deadline, TestContext.Current.CancellationToken);

        Assert.Equal(401, answer?.Status);
    }

    [Fact]
    public async Task Echo_answers_what_it_received_byte_for_byte()
    {
        var (name, token) = fixture.Identity(("name", "Jürgen"), ("roles", new JsonArray("user", "admin")));
        var request = $"PATCH /echo/a%2Fb;c/%C3%BC?q=%20&q= HTTP/1.1\r\nHost: b\r\n{name}: {token}\r\n" +
            "X-Bytes: \u0080\u00e9\u00ff\r\nX-Two: 1\r\nX-Two: 2\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n";

        var answer = await RawConnection.AskAsync(fixture.Address, request, Deadline, TestContext.Current.CancellationToken);

        using var document = JsonDocument.Parse(answer!.BodyText);
        var echo = document.RootElement;
        Assert.Equal(["method", "path", "headers", "trailers", "claims"], echo.EnumerateObject().Select(member => member.Name));
        Assert.Equal("PATCH", echo.GetProperty("method").GetString());
        Assert.Equal("/echo/a%2Fb;c/%C3%BC?q=%20&q=", echo.GetProperty("path").GetString());
        Assert.Equal(["\u0080\u00e9\u00ff"], Texts(echo.GetProperty("headers").GetProperty("X-Bytes")));
        Assert.Equal(["1", "2"], Texts(echo.GetProperty("headers").GetProperty("X-Two")));
        Assert.Equal(["7"], Texts(echo.GetProperty("trailers").GetProperty("X-Sum")));
        Assert.Equal(["Jürgen"], Texts(echo.GetProperty("claims").GetProperty("name")));
        Assert.Equal(["user", "admin"], Texts(echo.GetProperty("claims").GetProperty("roles")));
    }

    [Fact]
    public async Task Orders_lists_what_was_placed()
    {
        (string, string)[] caller = [fixture.Identity(("scope", "orders.read orders.write"))];

        using var placed = await SendAsync(_backend, HttpMethod.Post, "/orders", """{"item":"book","quantity":2}""", caller);
        using var faulty = await SendAsync(_backend, HttpMethod.Post, "/orders", """{"item":"book","quantity":0}""", caller);
        using var broken = await SendAsync(_backend, HttpMethod.Post, "/orders", """{"item""", caller);
        using var list = await SendAsync(_backend, HttpMethod.Get, "/orders", caller);

        Assert.Equal((201, 400, 400), ((int)placed.StatusCode, (int)faulty.StatusCode, (int)broken.StatusCode));
        var order = Assert.Single((await JsonAsync(list)).EnumerateArray());
        Assert.Equal(("book", 2, "u"), (order.GetProperty("item").GetString(), order.GetProperty("quantity").GetInt32(), order.GetProperty("placedBy").GetString()));
    }

    [Fact]
    public async Task Clock_sends_the_time_at_once_and_again()
    {
        using var request = Request(HttpMethod.Get, "/sse/clock", fixture.Identity());
        using var response = await _backend.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));

        var events = new List<string>();
        while (events.Count < 2)
        {
            var line = await lines.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Deadline, TestContext.Current.CancellationToken);
            if (line!.StartsWith("data: ", StringComparison.Ordinal)) events.Add(line);
        }

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        Assert.NotEqual(events[0], events[1]);
    }

    [Fact]
    public async Task WebSocket_takes_the_first_sub_protocol_and_repeats_what_it_hears()
    {
        using var socket = new ClientWebSocket();
        var (name, token) = fixture.Identity();
        socket.Options.SetRequestHeader(name, token);
        socket.Options.AddSubProtocol("chat.v2");
        socket.Options.AddSubProtocol("chat.v1");
        await socket.ConnectAsync(new Uri($"ws://{fixture.Address.Authority}/ws/echo"), TestContext.Current.CancellationToken);

        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, TestContext.Current.CancellationToken);
        var buffer = new byte[100];
        var frame = await socket.ReceiveAsync(buffer.AsMemory(), TestContext.Current.CancellationToken);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", TestContext.Current.CancellationToken);

        Assert.Equal("chat.v2", socket.SubProtocol);
        Assert.Equal("hello", Encoding.UTF8.GetString(buffer, 0, frame.Count));
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
    }

    [Fact]
    public async Task Terminated_backend_ends_its_streams_and_exits_in_order()
    {
        await using var stack = await fixture.CreateStackAsync();
        await stack.SampleBackend.StartAsync(TestContext.Current.CancellationToken);
        using var client = Stack.NewClient(stack.SampleBackend.Address);
        using var request = Request(HttpMethod.Get, "/sse/clock", fixture.Identity());
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        await using var events = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);

        stack.SampleBackend.Terminate();
        await events.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken).WaitAsync(Deadline, TestContext.Current.CancellationToken);

        Assert.Equal(0, await stack.SampleBackend.ExitedAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Settings_that_are_wrong_stop_the_start_with_their_keys()
    {
        await using var faulty = await Stack.CreateAsync(new StackOptions
        {
            SampleBackendEnvironment = new Dictionary<string, string>
            {
                ["ForwardedIdentity__Audience"] = "",
                ["ForwardedIdentity__Gateway"] = "http://gateway.example.com",
                ["ForwardedIdentity__TrustedNetworks__0"] = "10.0.0.0/33",
            },
        });

        faulty.SampleBackend.Launch();

        Assert.Equal(1, await faulty.SampleBackend.ExitedAsync(TestContext.Current.CancellationToken));
        foreach (var key in new[] { "Audience", "Gateway", "TrustedNetworks:0" })
            Assert.Contains($"ForwardedIdentity:{key}", faulty.SampleBackend.ReadLog(), StringComparison.Ordinal);
    }

    private static Task<HttpResponseMessage> SendAsync(HttpClient client, HttpMethod method, string path, params (string, string)[] headers) =>
        client.SendAsync(Request(method, path, headers), TestContext.Current.CancellationToken);

    private static Task<HttpResponseMessage> SendAsync(HttpClient client, HttpMethod method, string path, string json, params (string, string)[] headers)
    {
        var request = Request(method, path, headers);
        request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        return client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private static HttpRequestMessage Request(HttpMethod method, string path, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, path);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return request;
    }

    private static async Task<JsonElement> JsonAsync(HttpResponseMessage response)
    {
        using var document = JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return document.RootElement.Clone();
    }

    private static IEnumerable<string?> Texts(JsonElement values) => values.EnumerateArray().Select(value => value.GetString());
}
