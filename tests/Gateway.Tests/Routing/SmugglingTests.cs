using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Testing;

namespace Gateway.Tests.Routing;

/// <summary>
/// Requests whose end two readers could see in different places. Whatever the gateway makes of one, the backend never gets a
/// request that the gateway did not judge: <c>/smuggled</c> is in no message it receives but as bytes of a body.
/// </summary>
public sealed partial class SmugglingTests : IAsyncLifetime
{
    private const string Routes = """
        {
          "open": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/open/{**rest}" } },
          "smuggled": { "ClusterId": "backend", "Match": { "Path": "/smuggled" } }
        }
        """;

    private const string Smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\nX-User-Id: admin\r\n\r\n";

    private RoutedGateway _gateway = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration(Routes), Cancellation);

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Theory]
    [InlineData("X-Any: a\r\n b")]
    [InlineData("X-Any: a\r\n\tb")]
    [InlineData("X-Any:\r\n Transfer-Encoding: chunked")]
    [InlineData("Transfer-Encoding:\r\n chunked")]
    [InlineData("Content-Length: 5\r\n , 0")]
    public Task Folded_header_is_refused(string header) => RefusedAsync($"POST /open/x HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n0\r\n\r\n{Smuggled}");

    [Theory]
    [InlineData("POST /open/x HTTP/1.1\nHost: x\nContent-Length: 0\n\n")]
    [InlineData("POST /open/x HTTP/1.1\r\nHost: x\nContent-Length: 0\r\n\r\n")]
    [InlineData("POST /open/x HTTP/1.1\r\nHost: x\r\nX-Any: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST /open/x HTTP/1.1\r\nHost: x\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST /open/x HTTP/1.1\r\nHost: x\r\nX-Any: a\r\rContent-Length: 0\r\n\r\n")]
    public Task Line_that_ends_with_half_a_line_break_is_refused(string head) => RefusedAsync(head + Smuggled);

    [Theory]
    [InlineData("Content-Length: 0\r\nContent-Length: 5")]
    [InlineData("Content-Length: 5\r\nContent-Length: 5")]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity")]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: x")]
    [InlineData("Transfer-Encoding: chunked, chunked")]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")]
    [InlineData("Transfer-Encoding: gzip, chunked")]
    [InlineData("Transfer-Encoding: identity")]
    [InlineData("Transfer-Encoding: \vchunked")]
    [InlineData("Transfer-Encoding: chunked\0")]
    [InlineData("Transfer-Encoding : chunked")]
    [InlineData("Transfer-Encoding\t: chunked")]
    [InlineData("Transfer_Encoding: chunked\r\nTransfer-Encoding: chunked\r\nContent-Length: 5")]
    public Task Framing_in_two_ways_is_refused(string headers) => RefusedAsync($"POST /open/x HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n0\r\n\r\n{Smuggled}");

    [Theory]
    // The second reader of each ends the chunk, or its extension, at the line feed alone.
    [InlineData("2;\nxx\r\n45\r\n0\r\n\r\n")]
    [InlineData("2\nxx\r\n0\r\n\r\n")]
    [InlineData("2;a\rb\r\nxx\r\n0\r\n\r\n")]
    [InlineData("2\r\nxx\n0\r\n\r\n")]
    [InlineData("2\r\nxxyy\r\n0\r\n\r\n")]
    [InlineData("0x2\r\nxx\r\n0\r\n\r\n")]
    [InlineData("-2\r\nxx\r\n0\r\n\r\n")]
    [InlineData("+2\r\nxx\r\n0\r\n\r\n")]
    [InlineData(" 2\r\nxx\r\n0\r\n\r\n")]
    [InlineData("\r\n0\r\n\r\n")]
    [InlineData("FFFFFFFFFFFFFFFF2\r\nxx\r\n0\r\n\r\n")]
    [InlineData("100000002\r\nxx\r\n0\r\n\r\n")]
    public async Task Chunk_that_could_end_elsewhere_never_brings_a_second_request(string body)
    {
        var answers = await SendAllAsync($"POST /open/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}{Smuggled}");

        // The head may have gone to the backend before the body was seen to be faulty.
        Assert.Matches("^HTTP/1.1 (400|502) ", answers);
        AssertNothingSmuggled(answers);
    }

    [Fact]
    public async Task Chunk_extensions_end_at_the_gateway()
    {
        var answer = await _gateway.SendAsync("POST /open/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b;c=\"d\"\r\nhello\r\n0;last\r\n\r\n");

        Assert.Equal(200, answer.Status);
        Assert.Equal("hello", Assert.Single(_gateway.Backend.Requests).BodyText);
    }

    [Fact]
    public async Task Request_behind_a_complete_one_is_judged_by_itself()
    {
        var answers = await SendAllAsync($"POST /open/x HTTP/1.1\r\nHost: x\r\nContent-Length: {Smuggled.Length}\r\n\r\n{Smuggled}{Smuggled}GET /open/y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        Assert.Equal([200, 401, 200], Statuses(answers));
        Assert.Equal(["/open/x", "/open/y"], _gateway.Backend.Requests.Select(request => request.Target));
        Assert.Equal(Smuggled, _gateway.Backend.Requests.First().BodyText);
    }

    [Theory]
    [InlineData("transfer-encoding", "chunked")]
    [InlineData("connection", "keep-alive")]
    [InlineData("content-length", "0")]
    [InlineData("content-length", "5, 0")]
    [InlineData("x-any", "a\r\nTransfer-Encoding: chunked")]
    [InlineData("x-any", "a\nX-User-Id: admin")]
    [InlineData("x-any: b\r\nx-user-id", "admin")]
    [InlineData("X-Upper", "a")]
    [InlineData(":path", "/smuggled")]
    public async Task Http2_request_that_would_be_another_in_http1_is_refused(string name, string value)
    {
        await using var connection = await RawHttp2Connection.ConnectAsync(new Uri($"http://127.0.0.1:{_gateway.Http2Port}"), cancellationToken: Cancellation);

        await connection.SendAsync(
            (byte[])[
                .. RawHttp2Connection.Frame(Http2Frame.Headers, Http2Frame.EndHeaders, 1, RawHttp2Connection.Block(RawHttp2Connection.Request("POST", "/open/x", (name, value)))),
                .. RawHttp2Connection.Frame(Http2Frame.Data, Http2Frame.EndStream, 1, Encoding.ASCII.GetBytes($"0\r\n\r\n{Smuggled}")),
            ],
            Cancellation);

        await Eventually.TrueAsync(() => connection.Ended || connection.Received.Any(Refuses), "the server refuses the stream or ends the connection", Cancellation);
        AssertNothingSmuggled();
    }

    [Theory]
    [InlineData("GET /open/x HTTP/1.1\r\nX-Any: 1\r\n\r\nGET /smuggled")]
    [InlineData("/open/x HTTP/1.1\r\nHost: x\r\n\r\nGET /smuggled")]
    [InlineData("/open/x ")]
    public async Task Http2_path_that_would_be_more_than_a_path_is_refused(string path)
    {
        await using var connection = await RawHttp2Connection.ConnectAsync(new Uri($"http://127.0.0.1:{_gateway.Http2Port}"), cancellationToken: Cancellation);

        await connection.SendAsync(RawHttp2Connection.Get(1, path), Cancellation);

        await Eventually.TrueAsync(() => connection.Ended || connection.Received.Any(frame => frame.Stream == 1), "the server says something to it", Cancellation);
        Assert.Empty(_gateway.Backend.Requests);
    }

    /// <summary>A reset, the end of the connection, or an answer, which here is none of the backend's 200.</summary>
    private static bool Refuses(Http2Frame frame) => frame.Type is Http2Frame.Reset or Http2Frame.GoAway || (frame.Type == Http2Frame.Headers && frame.Stream == 1);

    private async Task RefusedAsync(string latin1)
    {
        var answers = await SendAllAsync(latin1);

        Assert.Matches("^HTTP/1.1 (400|501) ", answers);
        AssertNothingSmuggled(answers);
        Assert.Empty(_gateway.Backend.Requests);
    }

    private void AssertNothingSmuggled(string answers = "")
    {
        Assert.True(Statuses(answers).Count <= 1, answers);
        Assert.DoesNotContain(_gateway.Backend.Requests, request => request.StartLine.Contains("smuggled", StringComparison.Ordinal));
        Assert.DoesNotContain(_gateway.Backend.Requests, request => request.Headers.Any(header => header.Value.Contains("admin", StringComparison.Ordinal) || header.Key.Equals("X-User-Id", StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>Sends it all on one connection and reads until the gateway ends it.</summary>
    private async Task<string> SendAllAsync(string latin1)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        deadline.CancelAfter(TimeSpan.FromSeconds(30));
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", _gateway.Port, deadline.Token);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(latin1), deadline.Token);
        using var everything = new MemoryStream();
        try
        {
            await stream.CopyToAsync(everything, deadline.Token);
        }
        catch (IOException)
        {
            // Reset by the gateway, since bytes were left that it did not want. What came before stands.
        }

        return Encoding.Latin1.GetString(everything.ToArray());
    }

    private static List<int> Statuses(string answers) => [.. StatusLine().Matches(answers).Select(match => int.Parse(match.Groups["status"].Value, CultureInfo.InvariantCulture))];

    [GeneratedRegex(@"HTTP/1\.1 (?<status>\d{3}) ", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex StatusLine();
}
