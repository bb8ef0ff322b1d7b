using AuthService.Users;
using KeyEncryption;

namespace AuthService.SigningKeys;

/// <summary>Reads the keys again every few seconds, so that what one replica makes all publish well before it signs, and
/// moves keys on that are due.</summary>
internal sealed partial class SigningKeyWorker(
    SigningKeyStore store, Preparation preparation, UsersDatabaseOptions database, TimeProvider time, ILogger<SigningKeyWorker> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (preparation.NotReadyReason is not null) continue;
            try
            {
                if (await store.IsTransitionDueAsync(stoppingToken))
                {
                    await using var alone = await StartupLock.AcquireAsync(database, time, stoppingToken);
                    await store.TransitionAsync(stoppingToken);
                }
                await store.LoadAsync(stoppingToken);
            }
            catch (Exception e) when (UsersDatabaseFaults.IsAway(e) || e is KeyEncryptionException or InvalidOperationException)
            {
                Log.Kept(logger, e);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2102, LogLevel.Warning, "The signing keys could not be read again; those last read stay in use")]
        public static partial void Kept(ILogger logger, Exception exception);
    }
}
