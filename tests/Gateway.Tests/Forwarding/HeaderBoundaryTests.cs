using System.Net;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Gateway.BoundaryCheck;
using Gateway.Forwarding;
using Testing;

namespace Gateway.Tests.Forwarding;

/// <summary>Which headers of a client reach a backend, looked at where they arrive.</summary>
public sealed class HeaderBoundaryTests : IAsyncLifetime
{
    private const string Separators = Corpus.Separators;
    private const string Foreign = "FOREIGN";

    private const string Routes = """
        {
          "anonymous": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/anonymous" } },
          "default": { "ClusterId": "backend", "Match": { "Path": "/default" } },
          "undone": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/undone" }, "Transforms": [
            { "RequestHeader": "X-User-Id", "Set": "FOREIGN" },
            { "RequestHeader": "X_User_Roles", "Append": "FOREIGN" },
            { "X-Forwarded": "Append", "Prefix": "Append" } ] },
          "old": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/old" },
            "Metadata": { "Gateway.AllowedHeaders": "X-Auth-Token", "Gateway.IdentityHeaders": "none" } }
        }
        """;

    private static readonly string[] Reserved = [.. Corpus.HeaderNames];

    private RoutedGateway _gateway = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> ReservedNames() => [.. Reserved];

    public async ValueTask InitializeAsync() => _gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration(Routes), Cancellation);

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Theory]
    [MemberData(nameof(ReservedNames))]
    public async Task Reserved_name_in_any_spelling_never_arrives(string name)
    {
        var spellings = Corpus.Spellings(name).ToList();
        var lines = spellings.Concat(spellings).Select(spelling => $"{spelling}: {Foreign}").ToArray();
        string[] paths = ["/anonymous", "/default", "/undone"];
        foreach (var path in paths)
        {
            var answer = await _gateway.GetAsync(path, [.. lines, "Authorization: Bearer alice"]);

            Assert.Equal(200, answer.Status);
            AssertNothingForeign(_gateway.Backend.Last);
            Assert.Equal("alice", Assert.Single(_gateway.Backend.Last.Values("X-User-Id")));
        }
    }

    [Fact]
    public void Corpus_has_every_header_of_the_gateway() => Assert.Empty(ReservedHeaders.Identity.Except(Corpus.HeaderNames));

    [Fact]
    public void Any_token_that_collapses_to_a_reserved_name_is_reserved()
    {
        var generator =
            from name in Gen.Elements(Reserved.Select(ReservedHeaders.Collapse).ToArray())
            from upper in Gen.Elements(true, false).ArrayOf(name.Length)
            from between in Gen.Elements(Separators.Select(c => c.ToString()).Append("").Append("--").ToArray()).ArrayOf(name.Length + 1)
            select string.Concat(name.Select((c, i) => between[i] + (upper[i] ? char.ToUpperInvariant(c) : c))) + between[^1];

        Prop.ForAll(generator.ToArbitrary(), name => ReservedHeaders.Contains(name, trustsProxyHeaders: false))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));
    }

    [Fact]
    public async Task Random_spellings_never_arrive_over_http1_or_http2()
    {
        for (var round = 0; round < 20; round++)
        {
            var names = Enumerable.Range(0, 40).Select(_ => Spell(Random.Shared.GetItems(Reserved, 1)[0])).Distinct(StringComparer.OrdinalIgnoreCase).ToArray();
            var answer = await _gateway.GetAsync("/anonymous", [.. names.Select(name => $"{name}: {Foreign}")]);
            Assert.Equal(200, answer.Status);
            AssertNothingForeign(_gateway.Backend.Last);

            using var http2 = await SendHttp2Async("/anonymous", [.. names.Select(name => (name, Foreign))]);
            Assert.Equal(HttpStatusCode.OK, http2.StatusCode);
            AssertNothingForeign(_gateway.Backend.Last);
        }

        Assert.Equal(40, _gateway.Backend.Requests.Count);
    }

    [Theory]
    [InlineData("X-Request-Id")]
    [InlineData("User")]
    [InlineData("X-Client-Ids")]
    [InlineData("X-Session")]
    [InlineData("Proxy-Hint")]
    [InlineData("Forwarded-Notes")]
    [InlineData("Priority")]
    public async Task Other_names_arrive(string name)
    {
        await _gateway.GetAsync("/anonymous", $"{name}: value");

        Assert.Equal("value", _gateway.Backend.Last.Value(name));
    }

    [Theory]
    [InlineData("X-User-Id")]
    [InlineData("x-user-id, X-User-Roles,x-client-id, x-session-id, close")]
    [InlineData("X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto")]
    public async Task Connection_does_not_remove_our_headers(string connection)
    {
        _gateway.Callers["caller"] = RoutedGateway.Caller("caller", roles: ["a"]);

        await _gateway.GetAsync("/default", $"Connection: {connection}", "Authorization: Bearer caller", "X-User-Id: FOREIGN");

        var received = _gateway.Backend.Last;
        Assert.Equal("caller", received.Value("X-User-Id"));
        Assert.Equal("a", received.Value("X-User-Roles"));
        Assert.Equal("demo", received.Value("X-Client-Id"));
        Assert.Equal("sid-1", received.Value("X-Session-Id"));
        Assert.Equal("127.0.0.1", received.Value("X-Forwarded-For"));
        AssertNothingForeign(received);
    }

    [Theory]
    [InlineData("X-Hop")]
    [InlineData("keep-alive, X-Hop ,content-language")]
    [InlineData("x-hop,close")]
    [InlineData("close, X-HOP")]
    [InlineData("close, keep-alive, x-hop")]
    [InlineData("foo, x-hop, keep-alive")]
    public async Task Headers_listed_in_connection_are_removed(string connection)
    {
        var answer = await _gateway.GetAsync("/anonymous", $"Connection: {connection}", "X-Hop: 1", "X-End: 2", "Keep-Alive: timeout=5");

        Assert.Null(_gateway.Backend.Last.Value("X-Hop"));
        Assert.Null(_gateway.Backend.Last.Value("Keep-Alive"));
        Assert.Equal("2", _gateway.Backend.Last.Value("X-End"));
        Assert.Equal(connection.Contains("close", StringComparison.Ordinal) ? "close" : null, answer.Value("Connection"));
    }

    [Fact]
    public async Task Route_lets_named_headers_through_in_their_own_spelling_only()
    {
        await _gateway.GetAsync("/old", "x-auth-token: old", "X_Auth_Token: FOREIGN", "X-User-Id: FOREIGN", "Authorization: Basic dTpw");

        Assert.Equal("old", _gateway.Backend.Last.Value("X-Auth-Token"));
        Assert.Equal("Basic dTpw", _gateway.Backend.Last.Value("Authorization"));
        AssertNothingForeign(_gateway.Backend.Last);
    }

    [Fact]
    public async Task Token_among_the_websocket_protocols_is_not_forwarded()
    {
        await _gateway.GetAsync("/anonymous", "Sec-WebSocket-Protocol: chat, gateway.bearer.abc", "Sec-WebSocket-Protocol: Gateway.Bearer.def,other");

        Assert.Equal("chat, other", string.Join(", ", _gateway.Backend.Last.Values("Sec-WebSocket-Protocol")));
    }

    [Fact]
    public async Task Websocket_handshake_passes_without_the_token()
    {
        _gateway.Backend.Respond = _ => RecordingBackend.Answer(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: chat\r\n"
            + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");

        var answer = await _gateway.GetAsync(
            "/anonymous", "Connection: X-Hop, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Protocol: gateway.bearer.abc, chat", "X-Hop: 1", "X-User-Id: FOREIGN");

        Assert.Equal(101, answer.Status);
        Assert.Equal("chat", answer.Value("Sec-WebSocket-Protocol"));
        var received = _gateway.Backend.Last;
        Assert.Equal("websocket", received.Value("Upgrade"));
        Assert.Equal("Upgrade", received.Value("Connection"));
        Assert.Equal("chat", received.Value("Sec-WebSocket-Protocol"));
        Assert.Null(received.Value("X-Hop"));
        AssertNothingForeign(received);
    }

    [Fact]
    public async Task Request_trailers_stay_and_response_trailers_pass()
    {
        _gateway.Backend.Respond = _ => RecordingBackend.Answer(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n");

        var answer = await _gateway.SendAsync(
            "POST /anonymous HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-User-Id\r\n\r\n1\r\nb\r\n0\r\nX-User-Id: FOREIGN\r\n\r\n");

        Assert.Equal("b", _gateway.Backend.Last.BodyText);
        Assert.Empty(_gateway.Backend.Last.Trailers);
        Assert.Null(_gateway.Backend.Last.Value("Trailer"));
        AssertNothingForeign(_gateway.Backend.Last);
        Assert.Equal("a", answer.BodyText);

        // Kestrel sends trailers over HTTP/2 only; RFC 9110 section 6.5.1 lets an HTTP/1.1 hop discard them.
        using var http2 = await SendHttp2Async("/anonymous", []);
        Assert.Equal("a", await http2.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal("7", http2.TrailingHeaders.NonValidated["X-Sum"].ToString());
    }

    [Fact]
    public async Task Bytes_above_ascii_pass_unchanged_both_ways()
    {
        var bytes = string.Concat(Enumerable.Range(0x80, 0x80).Select(b => (char)b));
        _gateway.Backend.Respond = _ => RecordingBackend.Answer($"HTTP/1.1 200 OK\r\nX-Back: {bytes}\r\nContent-Length: 0\r\n\r\n");

        var answer = await _gateway.GetAsync("/default", $"X-There: {bytes}", $"Cookie: a={bytes}", "Authorization: Bearer alice");

        Assert.Equal(bytes, _gateway.Backend.Last.Value("X-There"));
        Assert.Equal($"a={bytes}", _gateway.Backend.Last.Value("Cookie"));
        Assert.Equal(bytes, answer.Value("X-Back"));

        using var http2 = await SendHttp2Async("/anonymous", [("X-There", bytes)]);
        Assert.Equal(bytes, _gateway.Backend.Last.Value("X-There"));
        Assert.Equal(bytes, http2.Headers.NonValidated["X-Back"].ToString());
    }

    [Fact]
    public async Task Forwarded_headers_are_the_gateways_own()
    {
        await _gateway.GetAsync("/anonymous", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil", "X-Forwarded-Port: 1");

        var received = _gateway.Backend.Last;
        Assert.Equal("127.0.0.1", received.Value("X-Forwarded-For"));
        Assert.Equal("http", received.Value("X-Forwarded-Proto"));
        Assert.Equal($"127.0.0.1:{_gateway.Port}", received.Value("X-Forwarded-Host"));
        Assert.Null(received.Value("X-Forwarded-Port"));
    }

    [Fact]
    public async Task Configured_proxy_is_believed_about_addresses_and_not_about_identity()
    {
        await using var gateway = await RoutedGateway.StartAsync(
            RoutedGateway.Configuration(Routes, """{ "TrustedProxies": [ "127.0.0.0/8" ] }"""), Cancellation);

        await gateway.GetAsync("/anonymous", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Real-IP: 1.2.3.4", "X-User-Id: FOREIGN", "X-Identity-Token: FOREIGN");

        var received = gateway.Backend.Last;
        Assert.Equal("1.2.3.4, 127.0.0.1", received.Value("X-Forwarded-For"));
        Assert.Equal("https", received.Value("X-Forwarded-Proto"));
        Assert.Equal($"127.0.0.1:{gateway.Port}", received.Value("X-Forwarded-Host"));
        Assert.Equal("1.2.3.4", received.Value("X-Real-IP"));
        AssertNothingForeign(received);
    }

    [Fact]
    public async Task Backend_that_breaks_off_is_502_with_a_problem_body()
    {
        _gateway.Backend.Respond = _ => throw new IOException("gone");

        var answer = await _gateway.GetAsync("/anonymous");

        Assert.Equal(502, answer.Status);
        Assert.Contains("\"code\":\"upstream_failed\"", answer.BodyText, StringComparison.Ordinal);
    }

    private static string Spell(string name)
    {
        var spelling = new StringBuilder();
        foreach (var c in name.Where(char.IsAsciiLetterOrDigit))
        {
            if (Random.Shared.Next(3) == 0) spelling.Append(Separators[Random.Shared.Next(Separators.Length)]);
            spelling.Append(Random.Shared.Next(2) == 0 ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c));
        }

        return spelling.ToString();
    }

    private static void AssertNothingForeign(Http1Message received) =>
        Assert.DoesNotContain(received.Headers, header => header.Value.Contains(Foreign, StringComparison.Ordinal));

    private async Task<HttpResponseMessage> SendHttp2Async(string path, (string Name, string Value)[] headers)
    {
        using var client = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1,
            ResponseHeaderEncodingSelector = (_, _) => Encoding.Latin1,
        });
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{_gateway.Http2Port}{path}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        foreach (var (name, value) in headers) Assert.True(request.Headers.TryAddWithoutValidation(name, value));
        return await client.SendAsync(request, Cancellation);
    }
}
