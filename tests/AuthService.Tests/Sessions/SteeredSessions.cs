using AuthService.Sessions;

namespace AuthService.Tests.Sessions;

/// <summary>
/// The product's own scripts with two functions exchanged: time and the Redis identity come from keys, so that a history
/// of years, with crashes and restored data, runs in microseconds and the same each time. Steps are sent without waiting
/// for each other's answers; the connection keeps their order.
/// </summary>
internal sealed class SteeredSessions(SessionWorld world)
{
    private const string World = """
        local function now_ms() return tonumber(redis.call('GET', 'steered:clock')) end
        local function identity() return redis.call('GET', 'steered:identity') end

        """;

    public SessionStore Store { get; } = world.StoreWith(SessionWorld.Policy, new SessionScripts(World));

    /// <summary>Far ahead, so that Redis's own clock never expires a key: the scripts themselves must.</summary>
    public const long Epoch = 4_000_000_000_000;

    public Task SetAsync(long now, int identity) => world.Connection.EvaluateAsync(
        "redis.call('MSET', 'steered:clock', ARGV[1], 'steered:identity', ARGV[2])", [], [now, identity], TestContext.Current.CancellationToken);

    public Task SnapshotAsync(string sid) => world.Connection.EvaluateAsync(
        "redis.call('DEL', 'steered:older') redis.call('COPY', KEYS[1], 'steered:older')", [world.Keys.Session(sid)], [], TestContext.Current.CancellationToken);

    public Task RestoreAsync(string sid) => world.Connection.EvaluateAsync(
        "redis.call('DEL', KEYS[1]) redis.call('COPY', 'steered:older', KEYS[1])", [world.Keys.Session(sid)], [], TestContext.Current.CancellationToken);

    public Task LoseAsync(string sid) =>
        world.Connection.EvaluateAsync("redis.call('DEL', KEYS[1])", [world.Keys.Session(sid)], [], TestContext.Current.CancellationToken);

    public Task ForgetAsync(string sid) => world.Connection.EvaluateAsync(
        "redis.call('DEL', 'steered:older', KEYS[1], KEYS[2])",
        [world.Keys.Session(sid), world.Keys.Outbox(SessionKeys.Partition(sid))], [], TestContext.Current.CancellationToken);
}
