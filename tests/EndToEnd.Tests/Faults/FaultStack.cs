using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>Tests on <see cref="FaultStack"/>, one after another.</summary>
[CollectionDefinition(Name)]
public sealed class FaultStackCollection : ICollectionFixture<FaultStack>
{
    public const string Name = "Faults";
}

/// <summary>
/// One system for the tests of faults: two gateways and an auth-service, each with a network of its own to a Redis that
/// keeps what it has written.
/// </summary>
public sealed class FaultStack : IAsyncLifetime
{
    private Stack _stack = null!;

    public async ValueTask InitializeAsync() => _stack = await Stack.StartAsync(Checks.Options(gateways: 2) with { RedisAppendOnly = true, RedisProxies = true });

    public ValueTask DisposeAsync() => _stack.DisposeAsync();

    /// <summary>The system without a fault, whatever the test before has left.</summary>
    public async Task<Stack> WholeAsync()
    {
        if (!_stack.Redis.Running) await _stack.Redis.StartAsync();
        foreach (var service in _stack.Services)
        {
            _stack.RedisProxyOf(service).Switch(ProxyMode.Pass);
            if (service.Running) service.Resume();
            else service.Launch();
        }

        foreach (var service in _stack.Services) await service.ReadyAsync(TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(
            async () => await Checks.CountedAsync(_stack) == _stack.Gateways.Count, "gateways that were killed are forgotten", TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(
            async () => await _stack.Redis.RunCliAsync("exists", "gw:identity-keys") == "1", "a wiped Redis holds the identity keys again", TestContext.Current.CancellationToken);
        return _stack;
    }
}
