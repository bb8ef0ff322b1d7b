using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>SIGTERM: what is in hand is finished, nothing new is taken, and the exit code says that all is well.</summary>
[Collection(FaultStackCollection.Name)]
public sealed class TerminationTests(FaultStack system)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Terminated_gateway_finishes_the_request_in_flight()
    {
        var stack = await system.WholeAsync();
        var gateway = stack.Gateways[1];
        await using var run = await FaultRun.BeginAsync(stack, "SIGTERM: gateway", new Excuses { Gone = [gateway] });

        Assert.Equal(200, await FinishAfterSignalAsync(gateway, "POST /public/echo/x", "abc", "def"));

        Assert.Equal(0, await gateway.ExitedAsync(Cancellation));
        await gateway.StartAsync(Cancellation);
        await run.EndAsync();
    }

    [Fact]
    public async Task Terminated_auth_service_finishes_the_request_in_flight()
    {
        var stack = await system.WholeAsync();
        await using var run = await FaultRun.BeginAsync(stack, "SIGTERM: auth-service", new Excuses { AuthServiceGone = true });
        const string body = """{"username":"alice","password":"alice-password-1"}""";

        Assert.Equal(200, await FinishAfterSignalAsync(stack.AuthService, "POST /api/token/", body[..10], body[10..]));

        Assert.Equal(0, await stack.AuthService.ExitedAsync(Cancellation));
        await stack.AuthService.StartAsync(Cancellation);
        await run.EndAsync();
    }

    /// <summary>Sends half a body, the signal, and the rest when the service has taken notice; returns the answer's status.</summary>
    private static async Task<int?> FinishAfterSignalAsync(ServiceProcess service, string request, string half, string rest)
    {
        using var connection = await RawConnection.ConnectAsync(service.Address, Cancellation);
        await connection.SendAsync(
            $"{request} HTTP/1.1\r\nHost: {service.Address.Authority}\r\nContent-Type: application/json\r\nContent-Length: {half.Length + rest.Length}\r\nExpect: 100-continue\r\n\r\n",
            Cancellation);
        // The interim answer proves that the request is in the hands of the service.
        Assert.Equal(100, (await connection.ReadAsync(Deadline, Cancellation))?.Status);
        await connection.SendAsync(half, Cancellation);

        service.Terminate();
        await Eventually.TrueAsync(
            async cancellation => !await AcceptsAsync(service, cancellation), Deadline, () => $"{service.Name} still accepts", Cancellation);
        Assert.True(service.Running);
        await connection.SendAsync(rest, Cancellation);
        return (await connection.ReadAsync(Deadline, Cancellation))?.Status;
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
