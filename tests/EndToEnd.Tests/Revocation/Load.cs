using System.Net;
using System.Net.Http.Headers;
using Testing;

namespace EndToEnd.Tests.Revocation;

/// <summary>
/// Requests without pause at every gateway while things fail: a revoked token must never pass, and a live one must never
/// be called dead.
/// </summary>
internal sealed class Load : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _running;
    private int _refused;

    public Load(Stack stack, string alive, string dead) =>
        _running = [.. stack.Gateways.Select(gateway => Task.Run(() => RunAsync(gateway.Address, alive, dead)))];

    /// <summary>Ends it, and fails if a request was answered otherwise or next to none was.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
        Assert.True(_refused > 20, $"only {_refused} refusals were seen");
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task RunAsync(Uri address, string alive, string dead)
    {
        using var client = Stack.NewClient(address);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var refused = await AskAsync(client, dead);
                Assert.True(refused is HttpStatusCode.Unauthorized or HttpStatusCode.ServiceUnavailable, $"a revoked token got {refused}");
                Interlocked.Increment(ref _refused);
                var passed = await AskAsync(client, alive);
                Assert.True(passed is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable, $"a live token got {passed}");
            }
            catch (HttpRequestException)
            {
                // That gateway is being restarted.
                await Task.Delay(TimeSpan.FromMilliseconds(20));
            }
        }
    }

    private static async Task<HttpStatusCode> AskAsync(HttpClient client, string access)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/hello/") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", access) } };
        using var response = await client.SendAsync(request, CancellationToken.None);
        return response.StatusCode;
    }
}
