using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>Gives each request to the next of the gateways that say ready, as the Service of Kubernetes does.</summary>
internal sealed class ReadyGateways : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly Stack _stack;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _probing;
    private volatile IReadOnlyList<ServiceProcess> _ready;
    private int _turn;

    public ReadyGateways(Stack stack)
    {
        (_stack, _ready) = (stack, stack.Gateways);
        _probing = Task.Run(ProbeAsync);
    }

    public ServiceProcess Next()
    {
        var ready = _ready;
        return ready[(Interlocked.Increment(ref _turn) & int.MaxValue) % ready.Count];
    }

    public bool Sees(ServiceProcess gateway) => _ready.Contains(gateway);

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _probing;
        _stop.Dispose();
    }

    private async Task ProbeAsync()
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(1) };
        while (!_stop.IsCancellationRequested)
        {
            var ready = await Task.WhenAll(_stack.Gateways.Select(gateway => IsReadyAsync(client, gateway)));
            // With none left the last ones are as good as any.
            if (ready.Contains(true)) _ready = [.. _stack.Gateways.Where((_, i) => ready[i])];
            await Task.Delay(Interval, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task<bool> IsReadyAsync(HttpClient client, ServiceProcess gateway)
    {
        try
        {
            using var response = await client.GetAsync(gateway.Readiness, CancellationToken.None);
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }
}
