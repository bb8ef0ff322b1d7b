using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Gateway.Tests.Routing;

/// <summary>The path corpus over real sockets: what is refused never arrives, what passes arrives byte for byte.</summary>
public sealed partial class RequestTargetTests : IAsyncLifetime
{
    private const string Routes = """
        {
          "public": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "{**all}" } },
          "admin": { "ClusterId": "backend", "Match": { "Path": "/admin/{**all}" } },
          "admin-root": { "ClusterId": "backend", "Match": { "Path": "/admin" } }
        }
        """;

    private RoutedGateway _gateway = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Corpus()
    {
        var data = new TheoryData<string, string>();
        foreach (var line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "corpus", "paths.txt")))
        {
            if (line.Length == 0 || line[0] == '#') continue;
            var blank = line.IndexOf(' ', StringComparison.Ordinal);
            data.Add(line[..blank], line[(blank + 1)..]);
        }

        Assert.True(data.Count > 70);
        return data;
    }

    public async ValueTask InitializeAsync() => _gateway = await RoutedGateway.StartAsync(
        RoutedGateway.Configuration(Routes, """{ "Paths": { "AllowEncodedSlashes": ["/files/"] } }"""), Cancellation);

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Theory]
    [MemberData(nameof(Corpus))]
    public async Task Http1_target_passes_unchanged_or_is_refused(string expected, string target)
    {
        target = RawByte().Replace(target, match => ((char)Convert.ToByte(match.Groups["byte"].Value, 16)).ToString(CultureInfo.InvariantCulture));
        var answer = await _gateway.GetAsync(target, "Connection: close");

        Check(expected, target, answer.Status, answer.BodyText, answer.Value("Content-Type"));
    }

    [Theory]
    [MemberData(nameof(Corpus))]
    public async Task Http2_target_passes_unchanged_or_is_refused(string expected, string target)
    {
        // What an HTTP/2 client library can send at all: no bytes of its own choice, and a fragment never leaves it.
        if (target.Contains('`', StringComparison.Ordinal) || target.Contains('#', StringComparison.Ordinal)) return;
        // The server's parser resets the stream.
        if (expected == "400")
        {
            await Assert.ThrowsAsync<HttpRequestException>(SendAsync);
            Assert.Empty(_gateway.Backend.Requests);
            return;
        }

        using var answer = await SendAsync();
        Check(expected, target, (int)answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancellation), answer.Content.Headers.ContentType?.MediaType);

        async Task<HttpResponseMessage> SendAsync()
        {
            using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(
                $"http://127.0.0.1:{_gateway.Http2Port}{target}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            return await client.SendAsync(request, Cancellation);
        }
    }

    [Theory]
    [InlineData("/files/a%2Fb", "pass")]
    [InlineData("/files/a%2F", "pass")]
    [InlineData("/files/a%2F..%2Fb", "path_dot_segment")]
    [InlineData("/files/..%2F..%2Fadmin", "path_dot_segment")]
    [InlineData("/files/a%2F%2Fb", "path_empty_segment")]
    [InlineData("/files/%2Fb", "path_empty_segment")]
    [InlineData("/files/a%5Cb", "path_encoded_separator")]
    [InlineData("/FILES/a%2Fb", "path_encoded_separator")]
    [InlineData("/files%2Fb", "path_encoded_separator")]
    public async Task Encoded_slash_passes_below_a_configured_prefix_only(string target, string expected)
    {
        var answer = await _gateway.GetAsync(target);

        Check(expected, target, answer.Status, answer.BodyText, answer.Value("Content-Type"));
    }

    [Theory]
    [InlineData("http://HOST/a%61?x=1", "/a%61?x=1")]
    [InlineData("http://HOST", "/")]
    [InlineData("http://HOST?x=1", "/?x=1")]
    [InlineData("http://HOST/files/a%2Fb", "/files/a%2Fb")]
    [InlineData("http://HOST/a%252Fb", "/a%252Fb")]
    public async Task Absolute_form_counts_as_its_path(string target, string forwarded)
    {
        var answer = await _gateway.GetAsync(target.Replace("HOST", $"127.0.0.1:{_gateway.Port}", StringComparison.Ordinal));

        Assert.Equal(200, answer.Status);
        Assert.Equal(forwarded, _gateway.Backend.Last.Target);
    }

    [Theory]
    [InlineData("http://HOST/public/../admin")]
    [InlineData("http://HOST/public/%2e%2e/admin")]
    [InlineData("http://HOST//admin")]
    [InlineData("http://HOST/a#b")]
    [InlineData("http://HOST/a%2Fb")]
    [InlineData("http://user@HOST/a")]
    [InlineData("http://other.example/a")]
    [InlineData("http://127.0.0.1/a")]
    [InlineData("http:///a")]
    [InlineData("ftp://HOST/a")]
    public async Task Absolute_form_is_held_to_the_same_rules_and_to_its_host(string target)
    {
        var answer = await _gateway.GetAsync(target.Replace("HOST", $"127.0.0.1:{_gateway.Port}", StringComparison.Ordinal));

        Assert.Equal(400, answer.Status);
        Assert.Empty(_gateway.Backend.Requests);
    }

    [Fact]
    public async Task Absolute_form_of_a_protected_path_needs_a_caller()
    {
        var answer = await _gateway.GetAsync($"http://127.0.0.1:{_gateway.Port}/admin/x");

        Assert.Equal(401, answer.Status);
        Assert.Empty(_gateway.Backend.Requests);
    }

    [Theory]
    [InlineData("OPTIONS *", 400)]
    [InlineData("CONNECT 127.0.0.1:80", 400)]
    // The server's own parser answers these.
    [InlineData("GET *", 405)]
    [InlineData("GET admin", 405)]
    public async Task Other_target_forms_are_refused(string start, int status)
    {
        var answer = await _gateway.SendAsync($"{start} HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n");

        Assert.Equal(status, answer.Status);
        Assert.Empty(_gateway.Backend.Requests);
    }

    [Theory]
    [InlineData("/admin")]
    [InlineData("/admin/")]
    [InlineData("/ADMIN/x")]
    [InlineData("/%61dmin/x")]
    [InlineData("/admin/x?y=/public")]
    public async Task Any_spelling_of_a_protected_path_needs_a_caller(string target)
    {
        var answer = await _gateway.GetAsync(target);

        Assert.Equal(401, answer.Status);
        Assert.Empty(_gateway.Backend.Requests);
    }

    private void Check(string expected, string target, int status, string body, string? contentType)
    {
        if (expected == "pass")
        {
            Assert.Equal(200, status);
            Assert.Equal(target, Assert.Single(_gateway.Backend.Requests).Target);
            return;
        }

        Assert.Equal(400, status);
        Assert.Empty(_gateway.Backend.Requests);
        if (expected == "400") return;
        Assert.Equal("application/problem+json", contentType);
        Assert.Contains($"\"code\":\"{expected}\"", body, StringComparison.Ordinal);
    }

    [GeneratedRegex("`(?<byte>[0-9A-Fa-f]{2})", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex RawByte();
}
