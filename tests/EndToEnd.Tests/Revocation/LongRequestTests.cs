using System.Net.WebSockets;

namespace EndToEnd.Tests.Revocation;

/// <summary>What runs when its session is logged out ends within a second.</summary>
public sealed class LongRequestTests(StackFixture fixture)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Event_stream_ends_within_a_second_of_the_logout()
    {
        var tokens = await fixture.Stack.SignInAsync(cancellationToken: Cancellation);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/sse/clock") { Headers = { { "Authorization", $"Bearer {tokens.Access}" } } };
        using var response = await fixture.Stack.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        await using var events = await response.Content.ReadAsStreamAsync(Cancellation);
        Assert.True(await events.ReadAsync(new byte[100], Cancellation) > 0);
        Assert.Equal(200, (await fixture.Stack.Client.LogoutAsync(tokens.Access)).Status);
        var end = await Record.ExceptionAsync(() => ReadToEndAsync(events).WaitAsync(TimeSpan.FromSeconds(1), Cancellation));
        Assert.IsAssignableFrom<IOException>(end);
    }

    [Fact]
    public async Task WebSocket_is_closed_within_a_second_of_the_logout()
    {
        var tokens = await fixture.Stack.SignInAsync(cancellationToken: Cancellation);
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", $"Bearer {tokens.Access}");
        await socket.ConnectAsync(new UriBuilder(fixture.Stack.Address) { Scheme = "ws", Path = "/ws/echo" }.Uri, Cancellation);
        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, endOfMessage: true, Cancellation);
        var buffer = new byte[100];
        Assert.Equal(5, (await socket.ReceiveAsync(buffer.AsMemory(), Cancellation)).Count);
        Assert.Equal(200, (await fixture.Stack.Client.LogoutAsync(tokens.Access)).Status);
        var end = await socket.ReceiveAsync(buffer.AsMemory(), Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(1), Cancellation);
        Assert.Equal(WebSocketMessageType.Close, end.MessageType);
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, socket.CloseStatus);
    }

    private static async Task ReadToEndAsync(Stream stream)
    {
        while (await stream.ReadAsync(new byte[100], Cancellation) > 0)
        {
        }
    }
}
