using System.Net;
using System.Net.Sockets;
using System.Text;
using Gateway.Revocation;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Testing;

namespace Gateway.Tests.Revocation;

public sealed class LongRequestsTests : IAsyncLifetime
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private StreamingGateway _gateway = null!;
    private HttpClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gateway = await StreamingGateway.StartAsync(Cancellation);
        _client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _gateway.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Event_stream_of_a_revoked_token_is_aborted_on_both_sides(bool http2)
    {
        _gateway.Serve = async (_, stream, cancellation) =>
        {
            await StreamingGateway.SendAsync(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n", cancellation);
            await ReadToEndAsync(stream, cancellation);
        };
        using var request = Request("s1", http2);
        using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        await using var events = await response.Content.ReadAsStreamAsync(Cancellation);
        Assert.Equal(9, await events.ReadAtLeastAsync(new byte[9], 9, cancellationToken: Cancellation));
        Assert.Equal(1, _gateway.LongRequests.Running);
        _gateway.Revoke("s1");
        await Assert.ThrowsAnyAsync<IOException>(() => events.ReadExactlyAsync(new byte[1], Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(1), Cancellation));
        await _ended.Task.WaitAsync(TimeSpan.FromSeconds(1), Cancellation);
        await Eventually.TrueAsync(() => _gateway.LongRequests.Running == 0, "it is not watched any more", Cancellation);
    }

    [Fact]
    public async Task Upload_of_a_revoked_token_is_aborted_on_both_sides()
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _gateway.Serve = async (_, stream, cancellation) =>
        {
            arrived.SetResult();
            await ReadToEndAsync(stream, cancellation);
        };
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _gateway.Address.Port, Cancellation);
        var stream = client.GetStream();
        await stream.WriteAsync("POST /upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer s1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"u8.ToArray(), Cancellation);
        await arrived.Task.WaitAsync(Eventually.Deadline, Cancellation);
        _gateway.Revoke("s1");
        await _ended.Task.WaitAsync(TimeSpan.FromSeconds(1), Cancellation);
        Assert.Equal("", await ReadAsync(stream));
    }

    [Fact]
    public async Task Late_answer_to_a_caller_whose_token_died_meanwhile_is_not_delivered()
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _gateway.Serve = async (_, stream, cancellation) =>
        {
            arrived.SetResult();
            await release.Task.WaitAsync(cancellation);
            await StreamingGateway.SendAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret", cancellation);
        };
        using var request = Request("s1");
        var answer = _client.SendAsync(request, Cancellation);
        await arrived.Task.WaitAsync(Eventually.Deadline, Cancellation);
        _gateway.Revoke("s1");
        release.SetResult();
        await Assert.ThrowsAsync<HttpRequestException>(() => answer);
    }

    [Fact]
    public async Task Ordinary_requests_are_not_watched()
    {
        var watched = -1;
        _gateway.Serve = async (_, stream, cancellation) =>
        {
            watched = _gateway.LongRequests.Running;
            await StreamingGateway.SendAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", cancellation);
        };
        using var request = Request("s1");
        using var response = await _client.SendAsync(request, Cancellation);
        Assert.Equal("ok", await response.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal((0, 0), (watched, _gateway.LongRequests.Running));
    }

    [Fact]
    public async Task Connection_of_an_ended_stream_serves_the_next_request_undisturbed_by_the_first_ones_revocation()
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var second = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _gateway.Serve = async (head, stream, cancellation) =>
        {
            if (head.StartsWith("GET /first", StringComparison.Ordinal))
            {
                await StreamingGateway.SendAsync(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", cancellation);
                return;
            }
            second.SetResult();
            await release.Task.WaitAsync(cancellation);
            await StreamingGateway.SendAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfresh", cancellation);
        };
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _gateway.Address.Port, Cancellation);
        var stream = client.GetStream();
        await stream.WriteAsync("GET /first HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer s1\r\n\r\nGET /second HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer s2\r\n\r\n"u8.ToArray(), Cancellation);
        await second.Task.WaitAsync(Eventually.Deadline, Cancellation);
        _gateway.Revoke("s1");
        await Eventually.TrueAsync(() => _gateway.LongRequests.Running == 0, "the first is forgotten", Cancellation);
        release.SetResult();
        var all = "";
        while (!all.EndsWith("fresh", StringComparison.Ordinal))
        {
            var piece = await ReadAsync(stream);
            Assert.NotEqual("", piece);
            all += piece;
        }
    }

    [Fact]
    public void Request_that_completed_is_not_touched_any_more()
    {
        var context = new DefaultHttpContext();
        var lifetime = new Lifetime();
        context.Features.Set<IHttpRequestLifetimeFeature>(lifetime);
        var completed = new LongRequest(context, StreamingGateway.Caller("s1", DateTimeOffset.MaxValue), webSocket: null);
        completed.Complete();
        Assert.False(completed.TryEnd());
        Assert.False(lifetime.Aborted);

        var running = new LongRequest(context, StreamingGateway.Caller("s1", DateTimeOffset.MaxValue), webSocket: null);
        Assert.True(running.TryEnd());
        Assert.False(running.TryEnd());
        Assert.True(lifetime.Aborted);
    }

    private HttpRequestMessage Request(string session, bool http2 = false) => new(HttpMethod.Get, new Uri(http2 ? _gateway.Http2Address : _gateway.Address, "/stream"))
    {
        Version = http2 ? HttpVersion.Version20 : HttpVersion.Version11,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Headers = { { "Authorization", $"Bearer {session}" } },
    };

    private async Task ReadToEndAsync(NetworkStream stream, CancellationToken cancellation)
    {
        try
        {
            while (await stream.ReadAsync(new byte[1000], cancellation) > 0)
            {
            }
        }
        catch (IOException)
        {
            // Reset.
        }
        _ended.TrySetResult();
    }

    private static async Task<string> ReadAsync(NetworkStream stream)
    {
        var buffer = new byte[1000];
        try
        {
            return Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer, Cancellation).AsTask().WaitAsync(Eventually.Deadline, Cancellation));
        }
        catch (IOException)
        {
            return "";
        }
    }

    private sealed class Lifetime : IHttpRequestLifetimeFeature
    {
        public bool Aborted { get; private set; }

        public CancellationToken RequestAborted { get; set; }

        public void Abort() => Aborted = true;
    }
}
