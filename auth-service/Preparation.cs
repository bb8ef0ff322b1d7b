using AuthService.Users;
using KeyEncryption;
using Microsoft.Extensions.Options;
using ServiceHosting;

namespace AuthService;

/// <summary>One thing to have in order in the users database before requests are served. Must be repeatable, and must
/// leave nothing behind, if cut off at any line, that keeps it from being repeated.</summary>
internal interface IPreparationStep
{
    /// <summary>Runs while this replica alone holds the <see cref="StartupLock"/>.</summary>
    Task PrepareAsync(CancellationToken cancellationToken);
}

/// <summary>
/// Runs every <see cref="IPreparationStep"/>, in the order of registration, under one lock that all replicas share: one
/// migrates, adds the first rows and makes the first keys, the others find them. While the database is away the service
/// runs, is not ready, and tries again.
/// </summary>
internal sealed partial class Preparation(
    IEnumerable<IPreparationStep> steps, IOptions<UsersDatabaseOptions> options, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<Preparation> logger)
    : BackgroundService, IReadinessCheck
{
    private const string Away = "The users database does not answer.";
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    public string Name => "users-database";

    /// <summary>Why nothing can be served yet; null when everything is in order.</summary>
    public string? NotReadyReason { get; private set; } = "The users database has not been prepared yet.";

    /// <summary>The first try belongs to start-up: what no second try can repair stops it.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await TryAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (NotReadyReason is not null)
            {
                await Task.Delay(RetryInterval, time, stoppingToken);
                await TryAsync(stoppingToken);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Log.Impossible(logger, e);
            Environment.ExitCode = 1;
            lifetime.StopApplication();
        }
    }

    /// <summary>Prepares, or throws.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await using var startupLock = await StartupLock.AcquireAsync(options.Value, time, cancellationToken);
        foreach (var step in steps) await step.PrepareAsync(cancellationToken);
        NotReadyReason = null;
    }

    private async Task TryAsync(CancellationToken cancellationToken)
    {
        try
        {
            await PrepareAsync(cancellationToken);
        }
        catch (Exception e) when (UsersDatabaseFaults.IsAway(e))
        {
            if (NotReadyReason != Away) Log.Away(logger, e);
            NotReadyReason = Away;
        }
        catch (KeyEncryptionException e)
        {
            // Another key in the setting is a start-up error like any other wrong setting, and reads like one.
            throw new OptionsValidationException(AuthServiceOptions.Section, typeof(AuthServiceOptions), [e.Message]);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2002, LogLevel.Warning, "The users database does not answer; the service is not ready and tries again every second")]
        public static partial void Away(ILogger logger, Exception exception);

        [LoggerMessage(2003, LogLevel.Critical, "The users database cannot be prepared; the service stops")]
        public static partial void Impossible(ILogger logger, Exception exception);
    }
}
