using System.Net.Sockets;
using StackExchange.Redis;

namespace RevocationProtocol;

/// <summary>
/// One multiplexed connection to one Redis (or Redis Cluster): scripts with a deadline, and subscriptions that survive
/// reconnects. Connects in the background and keeps trying, so that a process may start before its Redis.
/// </summary>
public sealed class RedisConnection : IAsyncDisposable
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(1);

    private readonly TimeSpan _timeout;
    private readonly ConfigurationOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _connecting = new();
    private Task<ConnectionMultiplexer>? _multiplexer;

    /// <summary>Creates the connection; nothing is sent before the first use.</summary>
    /// <param name="connectionString">StackExchange.Redis connection string.</param>
    /// <param name="time">Clock of the deadlines.</param>
    /// <param name="timeout">How long one script may take before its caller is told that Redis is unavailable; 1 s if null.</param>
    public RedisConnection(string connectionString, TimeProvider time, TimeSpan? timeout = null)
    {
        _time = time;
        _timeout = timeout ?? DefaultTimeout;
        var options = ConfigurationOptions.Parse(connectionString);
        options.AbortOnConnectFail = false;
        options.ConnectRetry = 1;
        options.ConnectTimeout = 1000;
        // A connection on which nothing came back for four of these is given up and made anew.
        options.KeepAlive = 1;
        // After a failover the new master is found by asking; the default would take a minute.
        options.ConfigCheckSeconds = 2;
        options.ReconnectRetryPolicy = new LinearRetry(250);
        options.ClientName ??= AppDomain.CurrentDomain.FriendlyName;
        _options = options;
    }

    /// <summary>Runs a script atomically. All keys must lie in one cluster slot.</summary>
    /// <param name="script">The script; sent whole once per server, by its SHA-1 afterwards.</param>
    /// <param name="keys">KEYS.</param>
    /// <param name="arguments">ARGV.</param>
    /// <param name="cancellationToken">Gives up waiting; the script may still run.</param>
    /// <exception cref="RedisUnavailableException">No connection, no answer in time, or a server that cannot serve now.</exception>
    public Task<RedisResult> EvaluateAsync(string script, RedisKey[] keys, RedisValue[] arguments, CancellationToken cancellationToken) =>
        EvaluateAsync(script, keys, arguments, _timeout, cancellationToken);

    /// <summary>Runs a script atomically. All keys must lie in one cluster slot.</summary>
    /// <param name="script">The script; sent whole once per server, by its SHA-1 afterwards.</param>
    /// <param name="keys">KEYS.</param>
    /// <param name="arguments">ARGV.</param>
    /// <param name="timeout">How long to wait for the answer.</param>
    /// <param name="cancellationToken">Gives up waiting; the script may still run.</param>
    /// <exception cref="RedisUnavailableException">No connection, no answer within <paramref name="timeout"/>, or a server that cannot serve now.</exception>
    public async Task<RedisResult> EvaluateAsync(
        string script, RedisKey[] keys, RedisValue[] arguments, TimeSpan timeout, CancellationToken cancellationToken)
    {
        try
        {
            var database = (await ConnectAsync(timeout, cancellationToken)).GetDatabase();
            try
            {
                return await database.ScriptEvaluateAsync(script, keys, arguments).WaitAsync(timeout, _time, cancellationToken);
            }
            catch (RedisServerException e) when (e.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal))
            {
                // The server lost its script cache (restart, failover): nothing ran, and the client library now knows.
                return await database.ScriptEvaluateAsync(script, keys, arguments).WaitAsync(timeout, _time, cancellationToken);
            }
        }
        catch (Exception e) when (IsUnavailability(e))
        {
            throw new RedisUnavailableException("Redis did not answer: " + e.GetType().Name, e);
        }
    }

    /// <summary>Calls <paramref name="handler"/> for every message on <paramref name="channel"/>; resubscribed after reconnects.</summary>
    /// <param name="channel">Channel name, taken literally.</param>
    /// <param name="handler">Called on a thread-pool thread; must not block.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="RedisUnavailableException">The subscription could not be made now.</exception>
    public async Task SubscribeAsync(string channel, Action<string> handler, CancellationToken cancellationToken)
    {
        try
        {
            var subscriber = (await ConnectAsync(_timeout, cancellationToken)).GetSubscriber();
            await subscriber
                .SubscribeAsync(new RedisChannel(channel, RedisChannel.PatternMode.Literal), (_, message) => handler(message.ToString()))
                .WaitAsync(_timeout, _time, cancellationToken);
        }
        catch (Exception e) when (IsUnavailability(e))
        {
            throw new RedisUnavailableException("Redis did not accept the subscription: " + e.GetType().Name, e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_multiplexer is { IsFaulted: false } multiplexer)
            (await multiplexer).Dispose();
    }

    private Task<ConnectionMultiplexer> ConnectAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        Task<ConnectionMultiplexer> multiplexer;
        lock (_connecting)
        {
            // A name that could not be resolved yet, say: the next caller tries again.
            if (_multiplexer is null or { IsFaulted: true })
                _multiplexer = ConnectionMultiplexer.ConnectAsync(_options);
            multiplexer = _multiplexer;
        }
        return multiplexer.IsCompletedSuccessfully ? multiplexer : multiplexer.WaitAsync(timeout, _time, cancellationToken);
    }

    private static bool IsUnavailability(Exception exception) => exception switch
    {
        RedisConnectionException or TimeoutException or ObjectDisposedException or SocketException => true,
        // The library's own: it knows the cluster's node for the slot but has no connection to it.
        RedisServerException server when server.Message.StartsWith("Endpoint ", StringComparison.Ordinal) => true,
        // The states of a server or cluster that pass by themselves or by an operator's hand; each refused before the script changed anything.
        RedisServerException server => server.Message.Split(' ', 2)[0] is
            "LOADING" or "READONLY" or "MASTERDOWN" or "CLUSTERDOWN" or "TRYAGAIN" or "MOVED" or "ASK" or "OOM" or "MISCONF" or "NOREPLICAS" or "BUSY",
        _ => false,
    };
}
