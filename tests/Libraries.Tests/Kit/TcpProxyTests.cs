using System.Net;
using System.Net.Sockets;
using System.Text;
using Testing;

namespace Libraries.Tests.Kit;

public sealed class TcpProxyTests : IAsyncLifetime
{
    private readonly TcpListener _echo = new(IPAddress.Loopback, 0);
    private TcpProxy _proxy = null!;
    private int _accepted;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _echo.Start();
        _ = AnswerAsync();
        _proxy = new TcpProxy(((IPEndPoint)_echo.LocalEndpoint).Port);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _echo.Dispose();
    }

    [Fact]
    public async Task Pass_hands_on_bytes_and_the_end_both_ways()
    {
        using var client = await ConnectAsync();

        Assert.Equal("one", await AskAsync(client, "one"));
        client.Client.Shutdown(SocketShutdown.Send);

        Assert.Equal(0, await client.Client.ReceiveAsync(new byte[1], Cancellation));
    }

    [Fact]
    public async Task Cut_resets_what_is_open_refuses_what_is_new_and_mends_on_the_same_port()
    {
        using var client = await ConnectAsync();
        await AskAsync(client, "one");

        _proxy.Switch(ProxyMode.Cut);

        var reset = await Assert.ThrowsAsync<IOException>(() => HearAsync(client, 1));
        Assert.Equal(SocketError.ConnectionReset, ((SocketException)reset.InnerException!).SocketErrorCode);
        Assert.Equal(SocketError.ConnectionRefused, (await Assert.ThrowsAnyAsync<SocketException>(ConnectAsync)).SocketErrorCode);
        _proxy.Switch(ProxyMode.Pass);
        using var again = await ConnectAsync();
        Assert.Equal("two", await AskAsync(again, "two"));
    }

    [Fact]
    public async Task Delay_holds_everything_back_each_way()
    {
        using var client = await ConnectAsync();
        await AskAsync(client, "one");
        _proxy.Delay = TimeSpan.FromMilliseconds(60);

        var began = TimeProvider.System.GetTimestamp();
        Assert.Equal("two", await AskAsync(client, "two"));

        Assert.True(TimeProvider.System.GetElapsedTime(began) > TimeSpan.FromMilliseconds(118));
    }

    [Fact]
    public async Task Half_open_swallows_on_old_and_new_connections_and_ends_neither()
    {
        using var old = await ConnectAsync();
        await AskAsync(old, "one");

        _proxy.Switch(ProxyMode.HalfOpen);
        using var fresh = await ConnectAsync();
        foreach (var client in new[] { old, fresh }) await SayAsync(client, "two");

        // What is asked later is answered, so these would have been.
        _proxy.Switch(ProxyMode.Pass);
        using var later = await ConnectAsync();
        Assert.Equal("three", await AskAsync(later, "three"));
        Assert.All(new[] { old, fresh }, client => Assert.False(client.Client.Poll(TimeSpan.Zero, SelectMode.SelectRead)));
        Assert.Equal(2, _accepted);
    }

    [Fact]
    public async Task Black_hole_lets_nothing_through_until_it_is_gone()
    {
        using var old = await ConnectAsync();
        await AskAsync(old, "one");

        _proxy.Switch(ProxyMode.BlackHole);
        using var fresh = await ConnectAsync();
        foreach (var client in new[] { old, fresh }) await SayAsync(client, "two");

        // What is asked round the proxy is answered, so these would have been.
        using var beside = new TcpClient();
        await beside.ConnectAsync((IPEndPoint)_echo.LocalEndpoint, Cancellation);
        Assert.Equal("three", await AskAsync(beside, "three"));
        Assert.All(new[] { old, fresh }, client => Assert.False(client.Client.Poll(TimeSpan.Zero, SelectMode.SelectRead)));
        _proxy.Switch(ProxyMode.Pass);
        foreach (var client in new[] { old, fresh }) Assert.Equal("two", await HearAsync(client, 3));
    }

    private static async Task SayAsync(TcpClient client, string text) => await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text), Cancellation);

    private static async Task<string> HearAsync(TcpClient client, int count)
    {
        var buffer = new byte[count];
        await client.GetStream().ReadExactlyAsync(buffer, Cancellation);
        return Encoding.ASCII.GetString(buffer);
    }

    private static async Task<string> AskAsync(TcpClient client, string text)
    {
        await SayAsync(client, text);
        return await HearAsync(client, text.Length);
    }

    private async Task<TcpClient> ConnectAsync()
    {
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, _proxy.Port, Cancellation);
        return client;
    }

    private async Task AnswerAsync()
    {
        try
        {
            while (true)
            {
                var socket = await _echo.AcceptTcpClientAsync(CancellationToken.None);
                Interlocked.Increment(ref _accepted);
                _ = EchoAsync(socket);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static async Task EchoAsync(TcpClient socket)
    {
        using (socket)
        {
            try
            {
                await socket.GetStream().CopyToAsync(socket.GetStream(), CancellationToken.None);
            }
            catch (IOException)
            {
                // Reset.
            }
        }
    }
}
