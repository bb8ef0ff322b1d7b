using System.Collections.Concurrent;
using System.Diagnostics;
using Testing;

namespace Gateway.Tests.ForwardAuth;

/// <summary>A real proxy of the distribution with the very snippet of the documentation, between a client and a backend.</summary>
public abstract class ForwardAuthProxyTests : IAsyncLifetime
{
    private const string Routes = """
        {
          "public": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/public/{**rest}" } },
          "default": { "ClusterId": "backend", "Match": { "Path": "/default/{**rest}" } },
          "write": { "ClusterId": "backend", "AuthorizationPolicy": "write", "Match": { "Path": "/orders", "Methods": [ "POST" ] } }
        }
        """;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("forward-auth-");
    private readonly RecordingBackend _backend = RecordingBackend.Start();
    private readonly ConcurrentQueue<string?> _errors = new();
    private readonly PortLease _port = PortLease.Take();
    private RoutedGateway _gateway = null!;
    private Process? _proxy;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The language of the snippet's block in the documentation.</summary>
    protected abstract string Language { get; }

    /// <summary>Whether it keeps spellings such as X_User_Id from backends.</summary>
    protected abstract bool DropsOtherSpellings { get; }

    /// <summary>Settings that have the snippet listen on a port of 127.0.0.1.</summary>
    protected abstract string Settings(string snippet, int port, string directory);

    /// <summary>Starts the proxy in the foreground.</summary>
    protected abstract ProcessStartInfo Command(string settings, string directory);

    public async ValueTask InitializeAsync()
    {
        _gateway = await RoutedGateway.StartAsync(
            RoutedGateway.Configuration(Routes, """{ "TrustedProxies": [ "127.0.0.1" ], "Policies": { "write": { "Scopes": [ "orders.write" ] } } }"""), Cancellation);
        _gateway.Callers["zoe"] = RoutedGateway.Caller("zoe", name: "Zoë", roles: ["user"], scopes: ["orders.write"]);

        var snippet = Snippet(Language).Replace("GATEWAY", $"127.0.0.1:{_gateway.Port}", StringComparison.Ordinal).Replace("BACKEND", $"127.0.0.1:{_backend.Port}", StringComparison.Ordinal);
        var settings = Path.Combine(_directory.FullName, "settings");
        await File.WriteAllTextAsync(settings, Settings(snippet, _port.Port, _directory.FullName), Cancellation);
        _proxy = Process.Start(Command(settings, _directory.FullName))!;
        _proxy.ErrorDataReceived += (_, line) => _errors.Enqueue(line.Data);
        _proxy.BeginErrorReadLine();
        await Eventually.TrueAsync(
            async () =>
            {
                Assert.False(_proxy.HasExited, $"{Language} stopped: {string.Join('\n', _errors)}");
                try
                {
                    return (await AskAsync("GET /public/ready")).Status == 200;
                }
                catch (System.Net.Sockets.SocketException)
                {
                    return false;
                }
            },
            $"{Language} answers",
            Cancellation);
        _backend.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        if (_proxy is { } proxy)
        {
            proxy.Kill();
            await proxy.WaitForExitAsync();
            proxy.Dispose();
        }

        if (_gateway is not null) await _gateway.DisposeAsync();
        await _backend.DisposeAsync();
        _port.Dispose();
        _directory.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Backend_learns_from_the_gateway_who_calls()
    {
        var answer = await AskAsync(
            "GET /default/a%20b?c=%2F", ["Authorization: Bearer zoe", "X-User-Id: FOREIGN", "X-User-Issuer: FOREIGN", "X-Identity-Token: FOREIGN", .. OtherSpellings]);

        Assert.Equal(200, answer.Status);
        var received = Assert.Single(_backend.Requests);
        Assert.Equal("/default/a%20b?c=%2F", received.Target);
        Assert.Equal("zoe", received.Value("X-User-Id"));
        Assert.Equal("Zo%C3%AB", received.Value("X-User-Name"));
        Assert.Equal("user", received.Value("X-User-Roles"));
        Assert.StartsWith("ey", received.Value("X-Identity-Token"), StringComparison.Ordinal);
        Assert.Null(received.Value("Authorization"));
        AssertNothingForeign(received);
    }

    [Fact]
    public async Task Caller_who_is_not_known_is_challenged_whatever_headers_say()
    {
        string[] spoofs = ["X-Original-URI: /public/x", "X-Forwarded-Uri: /public/x", "X-Forwarded-Method: GET", "X-Original-Method: GET", "X-User-Id: FOREIGN"];

        var answer = await AskAsync("GET /default/a", spoofs);

        Assert.Equal(401, answer.Status);
        Assert.StartsWith("Bearer", answer.Value("WWW-Authenticate"), StringComparison.Ordinal);
        Assert.Empty(_backend.Requests);
    }

    [Fact]
    public async Task Method_and_body_of_the_request_are_what_is_decided_on_and_forwarded()
    {
        Assert.Equal(200, (await AskAsync("POST /orders", "body", "Authorization: Bearer zoe")).Status);
        Assert.Equal("body", Assert.Single(_backend.Requests).BodyText);
        Assert.Equal(403, (await AskAsync("POST /orders", "Authorization: Bearer alice")).Status);
        Assert.Equal(403, (await AskAsync("GET /orders", "Authorization: Bearer zoe")).Status);
        Assert.Equal(403, (await AskAsync("GET /nowhere", "Authorization: Bearer zoe")).Status);
        Assert.Single(_backend.Requests);
    }

    [Theory]
    [InlineData("/public/../default/a")]
    [InlineData("/public/%2e%2e/default/a")]
    [InlineData("/public//default")]
    [InlineData("/public/a%2Fb")]
    [InlineData("/public/..;/default/a")]
    public async Task Target_that_could_be_read_in_two_ways_is_refused(string target)
    {
        Assert.Equal(400, (await AskAsync($"GET {target}")).Status);
        Assert.Empty(_backend.Requests);
    }

    [Fact]
    public async Task Anonymous_request_has_no_identity()
    {
        var answer = await AskAsync("GET /public/a", "X-User-Id: FOREIGN", "X-Identity-Token: FOREIGN", "X-Session-Id: FOREIGN");

        Assert.Equal(200, answer.Status);
        AssertNothingForeign(Assert.Single(_backend.Requests));
    }

    [Fact]
    public async Task What_the_gateway_cannot_know_is_503_and_not_500()
    {
        _gateway.RevocationIsKnown = false;

        var answer = await AskAsync("GET /default/a", "Authorization: Bearer zoe");

        Assert.Equal(503, answer.Status);
        Assert.NotNull(answer.Value("Retry-After"));
        Assert.Equal("no-store", answer.Value("Cache-Control"));
        Assert.Empty(_backend.Requests);
    }

    private string[] OtherSpellings => DropsOtherSpellings ? ["X_User_Id: FOREIGN", "X.User.Id: FOREIGN"] : [];

    /// <summary>The block that people copy.</summary>
    private static string Snippet(string language)
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, "deploy", "docs", "forward-auth.md"));
        var start = text.IndexOf($"```{language}\n", StringComparison.Ordinal) + $"```{language}\n".Length;
        return text[start..text.IndexOf("```", start, StringComparison.Ordinal)];
    }

    private static void AssertNothingForeign(Http1Message received) =>
        Assert.DoesNotContain(received.Headers, header => header.Value.Contains("FOREIGN", StringComparison.Ordinal));

    private Task<Http1Message> AskAsync(string start, params string[] headers)
    {
        var body = headers is [var first, ..] && !first.Contains(':', StringComparison.Ordinal) ? first : "";
        var lines = string.Concat(headers.Where(header => header.Contains(':', StringComparison.Ordinal)).Select(header => header + "\r\n"));
        return RawHttpClient.SendAsync(
            _port.Port, $"{start} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}Content-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}", Cancellation);
    }
}
