using RevocationProtocol;
using ServiceHosting;

namespace Gateway.Forwarding;

/// <summary>
/// Reads the shared keys at start, as soon as Redis answers, then every second, and at once when another gateway has changed
/// them or Redis is another one: where Redis lost them, a gateway that starts would sign with a key of its own, which backends
/// ask this gateway for.
/// </summary>
internal sealed partial class IdentityKeyRefresher(
    IdentityKeyStore store, IdentityKeyRecords records, IdentityKeySet keys, RevocationReader redis, TimeProvider time, ILogger<IdentityKeyRefresher> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RetryWithoutKeys = TimeSpan.FromMilliseconds(250);

    private readonly Wakeup _changes = new(time);
    private bool _isListening;
    private bool _isAway;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        redis.RedisChanged += _changes.Call;
        while (!stoppingToken.IsCancellationRequested)
        {
            // Without it, a change is found at the next interval.
            _isListening = _isListening || await TryAsync(token => records.ListenAsync(_changes.Call, token), stoppingToken);
            await TryAsync(store.RefreshAsync, stoppingToken);
            await _changes.WaitAsync(keys.Signer is null ? RetryWithoutKeys : Interval, stoppingToken);
        }
    }

    private async Task<bool> TryAsync(Func<CancellationToken, Task> step, CancellationToken stoppingToken)
    {
        try
        {
            await step(stoppingToken);
            _isAway = false;
            return true;
        }
        catch (RedisUnavailableException exception)
        {
            if (!_isAway) Log.Away(logger, exception.Message);
            _isAway = true;
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service stops.
        }
#pragma warning disable CA1031 // Whatever Redis answers, such as an error for a key of another type, the keys that are known serve on.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Log.Unexpected(logger, exception);
        }

        return false;
    }

    private static partial class Log
    {
        [LoggerMessage(1206, LogLevel.Warning, "The identity keys cannot be read; those that are known serve on: {Reason}")]
        public static partial void Away(ILogger logger, string reason);

        [LoggerMessage(1207, LogLevel.Error, "Reading the identity keys failed unexpectedly; it is tried again")]
        public static partial void Unexpected(ILogger logger, Exception exception);
    }
}

/// <summary>Without keys no backend could be told who calls.</summary>
internal sealed class IdentityKeysReadiness(IdentityKeySet keys) : IReadinessCheck
{
    public string Name => "identity-keys";

    public string? NotReadyReason => keys.Signer is null ? "The keys of identity tokens have not been read from Redis yet." : null;
}
