using AuthService.Sessions;
using RevocationProtocol;
using Testing;

namespace AuthService.Tests.Sessions;

/// <summary>A session store over a real Redis of its own.</summary>
public sealed class SessionWorld : IAsyncLifetime
{
    internal static readonly SessionActor Someone = new("tester", "192.0.2.1", "trace");
    internal static readonly SessionPolicy Policy =
        new("http://issuer.test", GracePeriod: TimeSpan.FromSeconds(60), LongestTokenLife: TimeSpan.FromMinutes(6), LongestSession: TimeSpan.FromDays(30));

    internal RedisFixture Redis { get; } = new();

    internal RedisConnection Connection { get; private set; } = null!;

    internal SessionKeys Keys { get; } = new("gw:");

    internal SessionStore Store { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await Redis.StartAsync();
        Connection = new RedisConnection(Redis.Endpoint, TimeProvider.System, timeout: TimeSpan.FromSeconds(30));
        Store = StoreWith(Policy);
    }

    public async ValueTask DisposeAsync()
    {
        await Connection.DisposeAsync();
        await Redis.DisposeAsync();
    }

    internal SessionStore StoreWith(SessionPolicy policy, SessionScripts? scripts = null) => new(new SessionsConnection(Connection, isOwn: false), Keys, scripts ?? new SessionScripts(), policy);

    internal static NewSession NewSession(Guid? user = null, string? userAgent = "curl/8") =>
        new(user ?? Guid.NewGuid(), "api", "profile", SessionEpoch: 0, AuthTimeSeconds: 1_700_000_000, "192.0.2.7", userAgent,
            Idle: TimeSpan.FromHours(24), Absolute: TimeSpan.FromDays(30));

    internal async Task<StartedSession> StartAsync(NewSession? session = null) => await Store.StartAsync(session ?? NewSession(), TestContext.Current.CancellationToken);

    internal Task<RotationOutcome> RotateAsync(RefreshToken token, long epoch = 0) =>
        Store.RotateAsync(token, epoch, Someone, TestContext.Current.CancellationToken);

    internal Task<bool> IsLiveAsync(RefreshToken token, long epoch = 0) => Store.IsLiveAsync(token, epoch, TestContext.Current.CancellationToken);

    internal Task<SessionEnding> EndAsync(RefreshToken token) => Store.EndAsync(
        token.Sid, token.UserId, token.ClientId, token.SessionExpiresMs, SessionEndReason.LoggedOut, Someone, TestContext.Current.CancellationToken);

    /// <summary>Repeats an action until Redis is reachable again.</summary>
    internal static async Task<T> OnceAvailableAsync<T>(Func<Task<T>> action)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return await action();
            }
            catch (RedisUnavailableException) when (TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(15))
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
        }
    }

    internal async Task<string> OutboxAsync(string sid) => await Redis.RunCliAsync("xrange", Keys.Outbox(SessionKeys.Partition(sid)).ToString(), "-", "+");
}
