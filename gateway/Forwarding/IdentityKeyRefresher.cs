using System.Threading.Channels;
using RevocationProtocol;
using ServiceHosting;

namespace Gateway.Forwarding;

/// <summary>
/// Reads the shared keys at start, as soon as Redis answers, then every few seconds, and at once when another gateway has changed
/// them: where Redis lost them, it may sign with a key of its own that backends ask this gateway for.
/// </summary>
internal sealed partial class IdentityKeyRefresher(
    IdentityKeyStore store, IdentityKeyRecords records, IdentityKeySet keys, TimeProvider time, ILogger<IdentityKeyRefresher> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RetryWithoutKeys = TimeSpan.FromMilliseconds(250);

    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private bool _isListening;
    private bool _isAway;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await TryRefreshAsync(stoppingToken);
            await WaitAsync(keys.Signer is null ? RetryWithoutKeys : Interval, stoppingToken);
        }
    }

    private async Task WaitAsync(TimeSpan longest, CancellationToken stoppingToken)
    {
        using var timeout = new CancellationTokenSource(longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stoppingToken);
        try
        {
            await _changes.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            // Nobody said anything: time to look.
        }
    }

    private async Task TryRefreshAsync(CancellationToken stoppingToken)
    {
        try
        {
            if (!_isListening) await records.ListenAsync(() => _changes.Writer.TryWrite(true), stoppingToken);
            _isListening = true;
            await store.RefreshAsync(stoppingToken);
            _isAway = false;
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
