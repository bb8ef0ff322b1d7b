using System.Text;
using Testing;

namespace EndToEnd.Tests.Telemetry;

/// <summary>What leaves the three programs by OTLP: one trace over all of them, metrics and logs, and nothing secret.</summary>
public sealed class ExportTests : IAsyncLifetime
{
    private OtlpReceiver _collector = null!;
    private Stack _stack = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _collector = await OtlpReceiver.StartAsync(Cancellation);
        _stack = await Stack.StartAsync(new StackOptions { Environment = _collector.Environment }, Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _stack.DisposeAsync();
        await _collector.DisposeAsync();
    }

    [Fact]
    public async Task Request_is_one_trace_through_all_it_passes_and_nothing_exported_is_secret()
    {
        var alice = await _stack.SignInAsync(cancellationToken: Cancellation);
        var refreshed = (await _stack.Client.RefreshAsync(alice.Refresh)).Tokens;
        Assert.Equal(200, (await _stack.Client.GetAsync("/chain/hello", refreshed.Access)).Status);
        // Where clients put what they should not, and what is refused.
        await _stack.Client.GetAsync($"/hello/?access_token={refreshed.Access}&refresh={refreshed.Refresh}", refreshed.Access);
        await _stack.Client.GetAsync("/hello/", refreshed.Access[..^5] + "AAAAA");
        await _stack.Client.GetAsync($"/{refreshed.Access}", refreshed.Refresh);
        await _stack.Client.PostAsync("/api/token/", new { username = "alice", password = "a-wrong-password-1" });
        using (var request = new HttpRequestMessage(HttpMethod.Get, "/public/ping") { Headers = { { "Cookie", "session=a-cookie-of-somebody" }, { "X-Api-Key", "a-key-of-somebody" } } })
            Assert.True((await _stack.Client.SendAsync(request, Cancellation)).IsSuccessStatusCode);

        // To the backend, from there through the gateway to the auth-service, and to itself: all of it one trace.
        await AssertChainAsync([.. ThroughGateway("GET chain"), ("sample-backend", "GET /chain/hello"), ("sample-backend", "POST"), .. ThroughGateway("POST auth-connect"), ("auth-service", "POST /connect/token")]);
        await AssertChainAsync([.. ThroughGateway("GET chain"), ("sample-backend", "GET /chain/hello"), ("sample-backend", "GET"), .. ThroughGateway("GET echo"), ("sample-backend", "GET /echo/{**path}")]);
        await AssertChainAsync([.. ThroughGateway("POST auth-api"), ("auth-service", "POST /api/token/refresh")]);
        await Eventually.TrueAsync(() => _collector.Spans.Any(IsRefusal), "a refusal with its route, status and reason", Cancellation);
        foreach (var service in (string[])["gateway", "auth-service", "sample-backend"])
        {
            await Eventually.TrueAsync(() => _collector.Metrics.Any(metric => metric == (service, "http.server.request.duration")), $"metrics of {service}", Cancellation);
            // Its completion event, which belongs to a trace that was exported.
            await Eventually.TrueAsync(
                () => _collector.Logs.Any(log => log.Service == service && _collector.Spans.Any(span => span.Service == service && span.Trace == log.Trace)), $"logs of {service}", Cancellation);
        }

        await Eventually.TrueAsync(() => _collector.Metrics.Contains(("gateway", "revocation.entries")), "the gateway's own metrics", Cancellation);

        // What is still in the programs leaves them as they stop.
        foreach (var service in _stack.Services) service.Terminate();
        foreach (var service in _stack.Services) Assert.Equal(0, await service.ExitedAsync(Cancellation));
        AssertNothingSecret([alice, refreshed]);
    }

    /// <summary>The request as it comes in, YARP's work with it, and the request that goes out.</summary>
    private static (string Service, string Name)[] ThroughGateway(string name) => [("gateway", name), ("gateway", "proxy.forwarder"), ("gateway", name.Split(' ')[0])];

    private static bool IsRefusal(ExportedSpan span) =>
        span is { Service: "gateway", Kind: SpanKind.Server, Name: "GET hello" }
        && (span.Tags.GetValueOrDefault("http.route"), span.Tags.GetValueOrDefault("http.response.status_code"), span.Tags.GetValueOrDefault("error.type")) == ("hello", "401", "token_signature_invalid");

    /// <summary>Waits for spans each of which is the parent of the next, in one trace, as the chain tells services and names.</summary>
    private Task AssertChainAsync(params (string Service, string Name)[] chain) => Eventually.TrueAsync(
        _ =>
        {
            var spans = _collector.Spans.ToList();
            return Task.FromResult(spans.Exists(first => first.Parent.Length == 0 && Continues(spans, first, chain)));
        },
        Eventually.Deadline,
        () => $"a trace {string.Join(" → ", chain)} in:\n{string.Join('\n', _collector.Spans.OrderBy(span => span.Trace).Select(span => $"{span.Trace[..6]} {span.Parent,16} > {span.Id} {span.Service} {span.Kind} {span.Name} {string.Join(' ', span.Tags)}"))}",
        Cancellation);

    private static bool Continues(List<ExportedSpan> spans, ExportedSpan span, ReadOnlySpan<(string Service, string Name)> chain)
    {
        if ((span.Service, span.Name) != chain[0]) return false;
        if (chain.Length == 1) return true;
        foreach (var child in spans)
        {
            if (child.Parent == span.Id && child.Trace == span.Trace && Continues(spans, child, chain[1..])) return true;
        }

        return false;
    }

    private void AssertNothingSecret(TokenPair[] tokens)
    {
        List<string> secrets =
        [
            "alice-password-1", "a-wrong-password-1", "sample-backend-secret-1", "a-cookie-of-somebody", "a-key-of-somebody", _stack.KeyEncryptionKey, _stack.IdentityKeyEncryptionKey,
            // By its last part as well, which alone makes it valid; none of any other kind either, the identity tokens among them.
            .. tokens.SelectMany(pair => new[] { pair.Access, pair.Refresh, pair.Access[^40..], pair.Refresh[^40..] }), "gwr_", "eyJ",
        ];
        var bodies = _collector.Bodies.Select(Encoding.Latin1.GetString).ToList();
        Assert.True(bodies.Count > 10, $"{bodies.Count} exports; the test looks at nothing.");
        Assert.Equal([], secrets.Where(secret => bodies.Exists(body => body.Contains(secret, StringComparison.Ordinal))));
    }
}
