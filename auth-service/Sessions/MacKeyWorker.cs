using AuthService.Users;

namespace AuthService.Sessions;

/// <summary>Reads the keys again every few seconds, so that what one replica makes all know well before it is used, and rotates.</summary>
internal sealed class MacKeyWorker(
    MacKeyStore store, Preparation preparation, UsersDatabaseOptions database, TimeProvider time, ILogger<MacKeyStore> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (preparation.NotReadyReason is not null)
                continue;
            try
            {
                if (await store.IsRotationDueAsync(stoppingToken))
                {
                    await using var alone = await StartupLock.AcquireAsync(database, time, stoppingToken);
                    await store.RotateIfDueAsync(stoppingToken);
                }
            }
            catch (Exception e) when (UsersDatabaseFaults.IsAway(e))
            {
                MacKeyStore.Log.NotRotated(logger, e);
            }
            await store.TryLoadAsync(stoppingToken);
        }
    }
}
