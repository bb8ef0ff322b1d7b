using Testing;

namespace EndToEnd.Tests;

/// <summary>
/// The system that the tests walk through: one gateway, one auth-service, one Redis and SQLite; with
/// <c>tests/run.sh replicas</c> three gateways, two auth-services, a Redis Cluster and PostgreSQL.
/// </summary>
public sealed class SystemUnderTest : IAsyncDisposable
{
    private readonly PostgresFixture _postgres = new();
    private readonly RedisClusterFixture _redis = new();
    private Stack? _stack;

    public Stack Stack => _stack ?? throw new InvalidOperationException("Not started.");

    public async Task StartAsync(StackOptions? options = null)
    {
        options ??= new StackOptions();
        if (Environment.GetEnvironmentVariable("REPLICAS") is { Length: > 0 })
        {
            await Task.WhenAll(_postgres.StartAsync(), _redis.StartAsync());
            options = options with
            {
                Gateways = 3,
                AuthServices = 2,
                Database = await _postgres.CreateDatabaseAsync(),
                Environment = new Dictionary<string, string>(options.Environment) { ["Redis__ConnectionString"] = _redis.Endpoints },
            };
        }

        _stack = await Stack.StartAsync(options, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_stack is not null) await _stack.DisposeAsync();
        await _redis.DisposeAsync();
        await _postgres.DisposeAsync();
    }
}
