using Testing;

namespace EndToEnd.Tests;

/// <summary>SIGTERM: what is in hand is finished, nothing new is taken, and the exit code says that all is well.</summary>
public sealed class DrainTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Terminated_gateway_finishes_the_request_in_flight()
    {
        await using var stack = await Stack.StartAsync();

        var status = await FinishAfterSignalAsync(stack.Gateway, "POST /public/echo/x", "abc", "def");

        Assert.Equal(200, status);
        Assert.Equal(0, await stack.Gateway.ExitedAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Terminated_auth_service_finishes_the_request_in_flight()
    {
        await using var stack = await Stack.StartAsync();
        const string body = """{"username":"alice","password":"alice-password-1"}""";

        var status = await FinishAfterSignalAsync(stack.AuthService, "POST /api/token/", body[..10], body[10..]);

        Assert.Equal(200, status);
        Assert.Equal(0, await stack.AuthService.ExitedAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Gateway_serves_on_while_the_auth_service_is_away()
    {
        await using var stack = await Stack.StartAsync();
        var tokens = await stack.SignInAsync();

        stack.AuthService.Kill();
        await stack.AuthService.ExitedAsync(TestContext.Current.CancellationToken);

        Assert.Equal(200, (await stack.Client.GetAsync("/hello/", tokens.Access)).Status);
        Assert.InRange((await stack.Client.RefreshAsync(tokens.Refresh)).Status, 502, 504);
        await stack.AuthService.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(200, (await stack.Client.RefreshAsync(tokens.Refresh)).Status);
    }

    /// <summary>Sends half a body, the signal, and the rest when the service has taken notice; returns the answer's status.</summary>
    private static async Task<int?> FinishAfterSignalAsync(ServiceProcess service, string request, string half, string rest)
    {
        using var connection = await RawConnection.ConnectAsync(service.Address, TestContext.Current.CancellationToken);
        await connection.SendAsync(
            $"{request} HTTP/1.1\r\nHost: {service.Address.Authority}\r\nContent-Type: application/json\r\nContent-Length: {half.Length + rest.Length}\r\nExpect: 100-continue\r\n\r\n",
            TestContext.Current.CancellationToken);
        // The interim answer proves that the request is in the hands of the service.
        Assert.Equal(100, (await connection.ReadAsync(Deadline, TestContext.Current.CancellationToken))?.Status);
        await connection.SendAsync(half, TestContext.Current.CancellationToken);

        service.Terminate();
        await Eventually.TrueAsync(
            async cancellation => !await AcceptsAsync(service, cancellation), Deadline, () => $"{service.Name} still accepts", TestContext.Current.CancellationToken);
        Assert.True(service.Running);
        await connection.SendAsync(rest, TestContext.Current.CancellationToken);
        return (await connection.ReadAsync(Deadline, TestContext.Current.CancellationToken))?.Status;
    }

    private static async Task<bool> AcceptsAsync(ServiceProcess service, CancellationToken cancellationToken)
    {
        try
        {
            using var connection = await RawConnection.ConnectAsync(service.Address, cancellationToken);
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}
