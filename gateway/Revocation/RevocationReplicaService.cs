using RevocationProtocol;

namespace Gateway.Revocation;

/// <summary>
/// Runs the reader for as long as this gateway serves. The host stops Kestrel first, so that the sign-off is said only
/// when no request can be answered any more.
/// </summary>
internal sealed partial class RevocationReplicaService(RevocationReader reader, ILogger<RevocationReplicaService> logger) : IHostedService, IDisposable
{
    private static readonly TimeSpan SignOffTimeout = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stopping = new();
    private Task _reading = Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _reading = Task.Run(() => reader.RunAsync(_stopping.Token), CancellationToken.None);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(SignOffTimeout);
        try
        {
            await reader.SignOffAsync(timeout.Token);
        }
        catch (Exception e) when (e is RedisUnavailableException or OperationCanceledException)
        {
            Log.NotSignedOff(logger, e.Message);
        }
    }

    public void Dispose() => _stopping.Dispose();

    private static partial class Log
    {
        [LoggerMessage(1300, LogLevel.Information, "This gateway could not sign off; it stays in the registry until its staleness has passed: {Reason}")]
        public static partial void NotSignedOff(ILogger logger, string reason);
    }
}
