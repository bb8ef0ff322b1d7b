using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>Tests on <see cref="ReplicatedStack"/>, one after another.</summary>
[CollectionDefinition(Name)]
public sealed class ReplicatedStackCollection : ICollectionFixture<ReplicatedStack>
{
    public const string Name = "Faults of replicas";
}

/// <summary>
/// One system as it is run in production: two gateways, two auth-services, a Redis Cluster with a replica of each master,
/// PostgreSQL behind a network that fails on demand, and a delay at shutdown. Started when it is first asked for, since it
/// needs PostgreSQL.
/// </summary>
public sealed class ReplicatedStack : IAsyncLifetime
{
    private readonly PostgresFixture _postgres = new();
    private Stack? _stack;
    private TcpProxy? _network;

    public RedisClusterFixture Redis { get; } = new() { WithReplicas = true };

    /// <summary>The network between the auth-services and PostgreSQL.</summary>
    public TcpProxy DatabaseNetwork => _network ?? throw new InvalidOperationException("Ask for the whole system first.");

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_stack is not null) await _stack.DisposeAsync();
        if (_network is not null) await _network.DisposeAsync();
        await Redis.DisposeAsync();
        await _postgres.DisposeAsync();
    }

    /// <summary>The system without a fault, whatever the test before has left.</summary>
    public async Task<Stack> WholeAsync()
    {
        Assert.SkipWhen(PostgresFixture.MissingReason is not null, PostgresFixture.MissingReason ?? "");
        _stack ??= await StartAsync();
        DatabaseNetwork.Switch(ProxyMode.Pass);
        foreach (var node in Redis.Nodes) await node.StartAsync();
        await Redis.CompleteAsync();
        foreach (var service in _stack.Services.Where(service => !service.Running)) service.Launch();
        foreach (var service in _stack.Services) await service.ReadyAsync(TestContext.Current.CancellationToken);
        return _stack;
    }

    private async Task<Stack> StartAsync()
    {
        await Task.WhenAll(_postgres.StartAsync(), Redis.StartAsync());
        _network = new TcpProxy(_postgres.Port);
        var database = await _postgres.CreateDatabaseAsync();
        var options = Checks.Options(gateways: 2);
        return await Stack.StartAsync(options with
        {
            AuthServices = 2,
            Database = $"{database.Replace($"Port={_postgres.Port};", $"Port={_network.Port};", StringComparison.Ordinal)};Timeout=1;Command Timeout=2",
            Environment = new Dictionary<string, string>
            {
                ["Redis__ConnectionString"] = Redis.Endpoints,
                ["Gateway__ShutdownDelay"] = $"{RollingRestartTests.ShutdownDelay:c}",
                ["AuthService__ShutdownDelay"] = $"{RollingRestartTests.ShutdownDelay:c}",
            },
            GatewayEnvironment = new Dictionary<string, string>(options.GatewayEnvironment)
            {
                // What the Service of Kubernetes does: look away from an auth-service that is not ready.
                ["ReverseProxy__Clusters__auth-service__HealthCheck__Active__Enabled"] = "true",
                ["ReverseProxy__Clusters__auth-service__HealthCheck__Active__Interval"] = "00:00:00.200",
                ["ReverseProxy__Clusters__auth-service__HealthCheck__Active__Path"] = "/healthz/ready",
                ["ReverseProxy__Clusters__auth-service__HealthCheck__AvailableDestinationsPolicy"] = "HealthyOrPanic",
                ["ReverseProxy__Clusters__auth-service__Metadata__ConsecutiveFailuresHealthPolicy.Threshold"] = "1",
            },
        });
    }
}
