using AuthService.Users;

namespace AuthService.Sessions;

/// <summary>Reads the keys again every few seconds, so that what one replica makes all know well before it is used, and rotates.</summary>
internal sealed class MacKeyWorker(
    MacKeyStore store, Preparation preparation, UsersDatabaseOptions database, TimeProvider time, ILogger<MacKeyWorker> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        RepeatedWork.RunAsync("Reading and rotating the refresh token keys", Interval, KeepAsync, logger, time, stoppingToken);

    private async Task KeepAsync(CancellationToken cancellationToken)
    {
        if (preparation.NotReadyReason is not null) return;
        await store.TryLoadAsync(cancellationToken);
        if (!await store.IsRotationDueAsync(cancellationToken)) return;
        await using var alone = await StartupLock.AcquireAsync(database, time, cancellationToken);
        await store.RotateIfDueAsync(cancellationToken);
    }
}
