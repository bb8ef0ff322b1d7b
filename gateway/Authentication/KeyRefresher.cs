using RevocationProtocol;

namespace Gateway.Authentication;

/// <summary>
/// Fetches every issuer's keys at start, then every minute, and at once when the auth-service says that they changed; each
/// issuer on its own, until the service stops.
/// </summary>
internal sealed partial class KeyRefresher(IssuerRegistry issuers, IssuerKeyChannel news, TimeProvider time, ILogger<KeyRefresher> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RetryWithKeys = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, Wakeup> _changes = issuers.All.ToDictionary(issuer => issuer.Name, _ => new Wakeup(time), StringComparer.Ordinal);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll([ListenAsync(stoppingToken), .. issuers.All.Select(issuer => RefreshAsync(issuer, stoppingToken))]);

    /// <summary>Subscribes once; the connection sees to it that this holds over reconnects.</summary>
    private async Task ListenAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await news.SubscribeAsync(Changed, stoppingToken);
                return;
            }
            catch (Exception exception) when (exception is RedisUnavailableException or OperationCanceledException)
            {
                await Task.Delay(LongestRetry, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Changed(string issuer)
    {
        if (_changes.TryGetValue(issuer, out var changes)) changes.Call();
    }

    private async Task RefreshAsync(Issuer issuer, CancellationToken stoppingToken)
    {
        var retry = FirstRetry;
        while (!stoppingToken.IsCancellationRequested)
        {
            var fetched = await FetchAsync(issuer, stoppingToken);
            var wait = fetched ? Interval : issuer.Keys.IsLoaded ? RetryWithKeys : retry;
            if (!fetched) retry = retry * 2 < LongestRetry ? retry * 2 : LongestRetry;
            await _changes[issuer.Name].WaitAsync(wait, stoppingToken);
        }
    }

    private async Task<bool> FetchAsync(Issuer issuer, CancellationToken stoppingToken)
    {
        try
        {
            return await issuer.Keys.FetchAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            return false;
        }
#pragma warning disable CA1031 // Whatever an issuer's document provokes, the next fetch must still happen.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Log.Unexpected(logger, issuer.Name, exception);
            return false;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1003, LogLevel.Error, "Fetching the keys of issuer {Issuer} failed unexpectedly; it is tried again")]
        public static partial void Unexpected(ILogger logger, string issuer, Exception exception);
    }
}
