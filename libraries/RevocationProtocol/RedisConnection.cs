using System.Collections.Concurrent;
using System.Net.Sockets;
using StackExchange.Redis;

namespace RevocationProtocol;

/// <summary>
/// One multiplexed connection to one Redis (or Redis Cluster): scripts with a deadline, and subscriptions that survive
/// reconnects. Connects in the background and keeps trying, so that a process may start before its Redis. A connection
/// that stays open and says nothing is given up and made anew.
/// </summary>
public sealed class RedisConnection : IAsyncDisposable
{
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(1);

    // The client library never doubts a connection that was established. One whose far side is gone without a word (a host
    // that lost power, a NAT that forgot it) would stay for as long as the kernel repeats what was sent: a quarter of an hour.
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(4);

    // Without any connection the library goes on trying; should it not, or try the wrong addresses, one begins anew.
    private static readonly TimeSpan LongestSearch = TimeSpan.FromSeconds(15);

    // A node that nobody has asked for so long may have answered in between.
    private static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(1);

    private readonly TimeSpan _timeout;
    private readonly ConfigurationOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _connecting = new();
    // Changed under _connecting.
    private readonly List<(RedisChannel Channel, Action<RedisChannel, RedisValue> Handler)> _subscriptions = [];
    private readonly ConcurrentDictionary<int, (long Since, long Last)> _silent = new();
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
        // Also how long the library waits for the answers of a new connection, as below: a busy machine must not make it
        // drop every attempt just before it would succeed.
        options.KeepAlive = 3;
        // After a failover the new master is found by asking; the default would take a minute.
        options.ConfigCheckSeconds = 2;
        options.ReconnectRetryPolicy = new LinearRetry(2000);
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
        var connection = Connect();
        try
        {
            var multiplexer = await WaitAsync(connection, timeout, cancellationToken);
            var answer = await EvaluateAsync(multiplexer.GetDatabase(), script, keys, arguments, timeout, cancellationToken);
            if (!_silent.IsEmpty)
                _silent.TryRemove(multiplexer.HashSlot(keys[0]), out _);
            return answer;
        }
        catch (Exception e) when (IsUnavailability(e))
        {
            if (connection.IsCompletedSuccessfully && !IsAnswer(e))
                await NoteSilenceAsync(connection, keys[0], e is TimeoutException ? LongestSilence : LongestSearch);
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
            var connection = Connect();
            var subscriber = (await WaitAsync(connection, _timeout, cancellationToken)).GetSubscriber();
            (RedisChannel Channel, Action<RedisChannel, RedisValue> Handler) subscription =
                (new RedisChannel(channel, RedisChannel.PatternMode.Literal), (_, message) => handler(message.ToString()));
            await subscriber.SubscribeAsync(subscription.Channel, subscription.Handler).WaitAsync(_timeout, _time, cancellationToken);
            lock (_connecting)
            {
                // Given up in between, and the one after it does not know.
                ObjectDisposedException.ThrowIf(_multiplexer != connection, subscriber.Multiplexer);
                _subscriptions.Add(subscription);
            }
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

    private async Task<RedisResult> EvaluateAsync(
        IDatabase database, string script, RedisKey[] keys, RedisValue[] arguments, TimeSpan timeout, CancellationToken cancellationToken)
    {
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

    /// <summary>Gives a connection up when the node of a key has been silent for too long, whatever other nodes of its cluster say.</summary>
    private async ValueTask NoteSilenceAsync(Task<ConnectionMultiplexer> connection, RedisKey key, TimeSpan longest)
    {
        var silent = await connection;
        var now = _time.GetTimestamp();
        var (since, _) = _silent.AddOrUpdate(
            silent.HashSlot(key),
            _ => (now, now),
            (_, known) => _time.GetElapsedTime(known.Last, now) > Forgotten ? (now, now) : (known.Since, now));
        if (_time.GetElapsedTime(since, now) < longest)
            return;
        lock (_connecting)
        {
            if (_multiplexer != connection)
                return;
            _silent.Clear();
            _multiplexer = null;
        }
        silent.Close(allowCommandsToComplete: false);
    }

    private Task<ConnectionMultiplexer> Connect()
    {
        lock (_connecting)
        {
            // A name that could not be resolved yet, say: the next caller tries again.
            if (_multiplexer is null or { IsFaulted: true })
                _multiplexer = OpenAsync();
            return _multiplexer;
        }
    }

    private async Task<ConnectionMultiplexer> OpenAsync()
    {
        var multiplexer = await ConnectionMultiplexer.ConnectAsync(_options);
        // Those of the connection before. Without a connection yet they are made as soon as there is one.
        List<(RedisChannel Channel, Action<RedisChannel, RedisValue> Handler)> subscriptions;
        lock (_connecting) subscriptions = [.. _subscriptions];
        foreach (var (channel, handler) in subscriptions)
            _ = multiplexer.GetSubscriber().SubscribeAsync(channel, handler);
        return multiplexer;
    }

    private Task<ConnectionMultiplexer> WaitAsync(Task<ConnectionMultiplexer> connection, TimeSpan timeout, CancellationToken cancellationToken) =>
        connection.IsCompletedSuccessfully ? connection : connection.WaitAsync(timeout, _time, cancellationToken);

    /// <summary>Whether a server said so, and not the library: that it knows the cluster's node for the slot but has no connection to it.</summary>
    private static bool IsAnswer(Exception exception) =>
        exception is RedisServerException && !exception.Message.StartsWith("Endpoint ", StringComparison.Ordinal);

    private static bool IsUnavailability(Exception exception) => exception switch
    {
        RedisConnectionException or TimeoutException or ObjectDisposedException or SocketException => true,
        RedisServerException when !IsAnswer(exception) => true,
        // The states of a server or cluster that pass by themselves or by an operator's hand; each refused before the script changed anything.
        RedisServerException server => server.Message.Split(' ', 2)[0] is
            "LOADING" or "READONLY" or "MASTERDOWN" or "CLUSTERDOWN" or "TRYAGAIN" or "MOVED" or "ASK" or "OOM" or "MISCONF" or "NOREPLICAS" or "BUSY",
        _ => false,
    };
}
