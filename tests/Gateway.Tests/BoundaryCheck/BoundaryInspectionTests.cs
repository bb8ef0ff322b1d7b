using System.Net;
using System.Text.Json;
using Gateway.BoundaryCheck;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Testing;

namespace Gateway.Tests.BoundaryCheck;

/// <summary>The self-test that operators run: every name and path of the corpus over every protocol of a real gateway.</summary>
public sealed class BoundaryInspectionTests : IAsyncLifetime
{
    private const string Routes = """
        {
          "open": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/public/echo/{**rest}" } },
          "closed": { "ClusterId": "backend", "Match": { "Path": "/echo/{**rest}" } }
        }
        """;

    private readonly StringWriter _output = new();
    private RoutedGateway _gateway = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration(Routes), Cancellation);
        _gateway.Backend.Respond = Echo;
    }

    public async ValueTask DisposeAsync()
    {
        await _output.DisposeAsync();
        await _gateway.DisposeAsync();
    }

    [Fact]
    public async Task Nothing_foreign_arrives_over_any_protocol()
    {
        var code = await InspectAsync(
            [new Uri($"http://127.0.0.1:{_gateway.Port}"), new Uri($"https://127.0.0.1:{_gateway.TlsPort}")], [new Uri($"http://127.0.0.1:{_gateway.Http2Port}")]);

        var report = _output.ToString();
        Assert.True(code == 0, report);
        string[] protocols = ["HTTP/1.1, headers: ", "HTTP/1.1 over TLS, headers: ", "HTTP/2, headers: ", "HTTP/2 over TLS, headers: ", "HTTP/2 over TLS, paths: "];
        Assert.All(protocols, protocol => Assert.Contains(protocol, report, StringComparison.Ordinal));
        Assert.True(_gateway.Backend.Requests.Count > 500);
        Assert.All(_gateway.Backend.Requests, request => Assert.DoesNotContain(request.Headers, header => header.Value.Contains("foreign-", StringComparison.Ordinal)));
        Assert.All(_gateway.Backend.Requests, request => Assert.Empty(request.Trailers));
        Assert.All(_gateway.Backend.Requests, request => Assert.StartsWith("/public/echo/", request.Target, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Caller_stays_known_to_the_backend_through_every_attack()
    {
        _gateway.Callers["zoe"] = RoutedGateway.Caller("zoe");

        var code = await InspectAsync([new Uri($"http://127.0.0.1:{_gateway.Port}")], [new Uri($"http://127.0.0.1:{_gateway.Http2Port}")], token: "zoe");

        var report = _output.ToString();
        Assert.True(code == 0, report);
        Assert.Contains("HTTP/2, headers, signed in: ", report, StringComparison.Ordinal);
        var signedIn = _gateway.Backend.Requests.Where(request => request.Target.StartsWith("/echo/", StringComparison.Ordinal)).ToList();
        Assert.True(signedIn.Count > 100);
        Assert.All(signedIn, request => Assert.Equal("zoe", Assert.Single(request.Values("X-User-Id"))));
    }

    [Fact]
    public async Task Token_that_is_not_good_proves_nothing()
    {
        Assert.Equal(1, await InspectAsync([new Uri($"http://127.0.0.1:{_gateway.Port}")], [], token: "nobody"));
        Assert.Contains("is /echo an echo, and the token good?", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_that_lets_everything_through_is_found_out()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using var open = builder.Build();
        open.Run(context => context.Response.WriteAsJsonAsync(new
        {
            path = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget,
            headers = context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToArray()),
        }));
        await open.StartAsync(Cancellation);

        var code = await InspectAsync([new Uri(open.Urls.Single())], []);

        Assert.Equal(1, code);
        var report = _output.ToString();
        Assert.Contains("FAULT HTTP/1.1: the backend received 'X-User-Id:", report, StringComparison.Ordinal);
        Assert.Contains("was answered without a caller", report, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gateway_whose_backend_cannot_be_seen_is_no_proof()
    {
        _gateway.Backend.Respond = _ => RecordingBackend.Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");

        Assert.Equal(1, await InspectAsync([new Uri($"http://127.0.0.1:{_gateway.Port}")], []));
        Assert.Contains("is /public/echo an echo for everybody?", _output.ToString(), StringComparison.Ordinal);
    }

    private Task<int> InspectAsync(Uri[] addresses, Uri[] http2, string? token = null) => new BoundaryInspection(
        new BoundaryCheckTarget(addresses, http2, "/public/echo", "/echo", AcceptAnyCertificate: true, token), _output).RunAsync(Cancellation);

    private static byte[] Echo(Http1Message request)
    {
        var body = JsonSerializer.Serialize(new
        {
            path = request.Target,
            headers = request.Headers.GroupBy(header => header.Key, StringComparer.OrdinalIgnoreCase).ToDictionary(group => group.Key, group => group.Select(header => header.Value)),
            trailers = request.Trailers.GroupBy(header => header.Key, StringComparer.OrdinalIgnoreCase).ToDictionary(group => group.Key, group => group.Select(header => header.Value)),
        });
        return RecordingBackend.Answer($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n{(request.Values("Connection").Contains("close") ? "Connection: close\r\n" : "")}\r\n{body}");
    }
}
