using AuthService.Users;
using RevocationProtocol;

namespace AuthService;

/// <summary>What a replica does at intervals beside requests. Nothing but the end of the service ends it: what fails is tried
/// again, be it for Redis or the database that is away, or for a defect.</summary>
internal static partial class RepeatedWork
{
    /// <summary>Does the work, waits, and so on until the service stops.</summary>
    /// <param name="name">What the log calls it.</param>
    /// <param name="interval">From the end of one to the beginning of the next.</param>
    /// <param name="work">The work.</param>
    /// <param name="logger">Told once of each failure that lasts.</param>
    /// <param name="time">Clock of the interval.</param>
    /// <param name="stoppingToken">The service stops.</param>
    public static async Task RunAsync(string name, TimeSpan interval, Func<CancellationToken, Task> work, ILogger logger, TimeProvider time, CancellationToken stoppingToken)
    {
        string? failure = null;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await work(stoppingToken);
                failure = null;
            }
            catch (Exception e)
            {
                // What the end of the service cuts off has not failed.
                if (stoppingToken.IsCancellationRequested) return;
                if (failure != e.Message)
                {
                    if (e is RedisUnavailableException || UsersDatabaseFaults.IsAway(e)) Log.Postponed(logger, name, e.Message);
                    else Log.Failed(logger, e, name);
                }

                failure = e.Message;
            }

            await Task.Delay(interval, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2520, LogLevel.Warning, "{Work} is postponed and tried again: {Reason}")]
        public static partial void Postponed(ILogger logger, string work, string reason);

        [LoggerMessage(2521, LogLevel.Error, "{Work} failed unexpectedly; it is tried again")]
        public static partial void Failed(ILogger logger, Exception exception, string work);
    }
}
