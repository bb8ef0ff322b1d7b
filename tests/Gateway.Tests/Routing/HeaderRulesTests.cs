using System.Net.Sockets;
using System.Text;

namespace Gateway.Tests.Routing;

/// <summary>Header bytes that are refused before anything reads them.</summary>
public sealed class HeaderRulesTests : IAsyncLifetime
{
    private const string Routes = """
        { "all": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "{**all}" } },
          "small": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "MaxRequestBodySize": 1000, "Match": { "Path": "/small" } } }
        """;

    private RoutedGateway _gateway = null!;

    public async ValueTask InitializeAsync() =>
        _gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration(Routes), TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    public static TheoryData<int> ControlBytes() => [.. Enumerable.Range(1, 0x1F).Where(b => b is not ('\t' or '\n' or '\r')), 0x7F];

    [Theory]
    [MemberData(nameof(ControlBytes))]
    public async Task Control_byte_in_a_value_is_refused(int value)
    {
        var answer = await _gateway.GetAsync("/", $"X-Any: a{(char)value}b");

        AssertRefused(answer.Status, answer.BodyText, "header_control_character");
    }

    [Theory]
    [InlineData('\0')]
    [InlineData('\r')]
    public async Task Nul_and_bare_cr_are_refused_by_the_server(char value)
    {
        Assert.Equal(400, (await _gateway.GetAsync("/", $"X-Any: a{value}b")).Status);
        Assert.Empty(_gateway.Backend.Requests);
    }

    [Fact]
    public async Task Tab_in_a_value_passes()
    {
        Assert.Equal(200, (await _gateway.GetAsync("/", "X-Any: a\tb")).Status);
        Assert.Equal("a\tb", _gateway.Backend.Last.Value("X-Any"));
    }

    [Theory]
    [InlineData("Authorization: Bearer \u00E9")]
    [InlineData("Authorization: Basic \u0080")]
    [InlineData("Cookie: caf\u00E9=1")]
    [InlineData("Cookie: a=1; \u00FF=2")]
    [InlineData("Cookie: a=1; \u00FF")]
    public async Task Byte_above_ascii_is_refused_where_names_and_credentials_are(string header)
    {
        var answer = await _gateway.GetAsync("/", header);

        AssertRefused(answer.Status, answer.BodyText, "header_not_ascii");
    }

    [Theory]
    [InlineData("ex\u00E4mple.com")]
    [InlineData("a\u00FF")]
    public async Task Byte_above_ascii_in_host_is_refused(string host)
    {
        Assert.Equal(400, (await _gateway.SendAsync($"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).Status);
        Assert.Empty(_gateway.Backend.Requests);
    }

    [Theory]
    [InlineData("Content-Length: 4\r\nTransfer-Encoding: chunked")]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 4")]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 0")]
    public async Task Content_length_with_transfer_encoding_is_refused_and_ends_the_connection(string headers)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", _gateway.Port, TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST / HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream);
        var everything = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.StartsWith("HTTP/1.1 400", everything, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"content_length_conflict\"", everything, StringComparison.Ordinal);
        Assert.DoesNotContain("HTTP/1.1 200", everything, StringComparison.Ordinal);
        Assert.Empty(_gateway.Backend.Requests);
    }

    [Theory]
    [InlineData("Transfer-Encoding: chunked, identity")]
    [InlineData("Transfer-Encoding: xchunked")]
    [InlineData("Content-Length: 1\r\nContent-Length: 2")]
    [InlineData("Content-Length: +1")]
    [InlineData("Content-Length: 1 1")]
    [InlineData("Content-Length: -1")]
    [InlineData("Content-Length: 0x1")]
    [InlineData("Content-Length: \u00B9")]
    [InlineData("Content-Length: 1,1")]
    [InlineData("Content-Length: \v1")]
    [InlineData("Content-Length: 99999999999999999999")]
    [InlineData("X-Any : 1")]
    [InlineData("X-A(ny: 1")]
    [InlineData(" X-Any: 1")]
    [InlineData("Host: y")]
    public async Task Doubtful_framing_and_names_are_refused(string header)
    {
        Assert.InRange((await _gateway.SendAsync($"POST / HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n")).Status, 400, 501);
        Assert.Empty(_gateway.Backend.Requests);
    }

    [Fact]
    public async Task More_than_32_KiB_of_headers_are_431()
    {
        var lines = Enumerable.Range(0, 40).Select(i => $"X-Fill-{i}: {new string('a', 1000)}").ToArray();

        Assert.Equal(431, (await _gateway.GetAsync("/", lines)).Status);
    }

    [Fact]
    public async Task More_than_100_headers_are_431()
    {
        Assert.Equal(200, (await _gateway.GetAsync("/", Lines(99))).Status); // and Host
        Assert.Equal(431, (await _gateway.GetAsync("/", Lines(100))).Status);

        static string[] Lines(int count) => [.. Enumerable.Range(0, count).Select(i => $"X-Fill-{i}: a")];
    }

    [Fact]
    public async Task Target_of_more_than_8_KiB_is_414() => Assert.Equal(414, (await _gateway.GetAsync("/" + new string('a', 8192))).Status);

    [Theory]
    [InlineData("Content-Length: 1001\r\n\r\n", "")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n3E9\r\n", "\r\n0\r\n\r\n")]
    public async Task Body_larger_than_the_routes_limit_is_413_announced_or_not(string before, string after)
    {
        var answer = await _gateway.SendAsync($"POST /small HTTP/1.1\r\nHost: x\r\n{before}{new string('a', 1001)}{after}");

        Assert.Equal(413, answer.Status);
        Assert.Contains("\"code\":\"body_too_large\"", answer.BodyText, StringComparison.Ordinal);
        Assert.DoesNotContain(_gateway.Backend.Requests, request => request.Body.Length > 1000);
    }

    [Fact]
    public async Task Body_within_the_routes_limit_passes()
    {
        Assert.Equal(200, (await _gateway.SendAsync($"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{new string('a', 1000)}")).Status);
        Assert.Equal(1000, _gateway.Backend.Last.Body.Length);
    }

    private void AssertRefused(int status, string body, string code)
    {
        Assert.Equal(400, status);
        Assert.Contains($"\"code\":\"{code}\"", body, StringComparison.Ordinal);
        Assert.Empty(_gateway.Backend.Requests);
    }
}
