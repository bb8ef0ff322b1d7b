using System.Runtime.InteropServices;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ServiceHosting;

/// <summary>The setting named by <see cref="ServiceDescription.ShutdownDelayKey"/>: zero to five minutes.</summary>
internal sealed class ShutdownDelay(IConfiguration configuration, string key) : IConfigurationCheck
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    public TimeSpan Value => TryRead(out var delay) ? delay : TimeSpan.Zero;

    public IEnumerable<string> FindProblems() =>
        TryRead(out _) ? [] : [$"{key}: must be a time from 00:00:00 to {Longest:c}, for example 00:00:05."];

    private bool TryRead(out TimeSpan delay)
    {
        delay = TimeSpan.Zero;
        return configuration[key] is not { Length: > 0 } text
            || (TimeSpan.TryParse(text, out delay) && delay >= TimeSpan.Zero && delay <= Longest);
    }
}

/// <summary>
/// SIGTERM and SIGINT: not ready from that moment; goes on accepting for the shutdown delay, so that load balancers can
/// look away; then stops accepting and lets what is in flight finish. A second signal ends the delay.
/// </summary>
internal sealed partial class DrainingLifetime(
    IHostApplicationLifetime application,
    IConfiguration configuration,
    ServiceDescription service,
    TimeProvider time,
    ILogger<DrainingLifetime> logger) : IHostLifetime, IReadinessCheck, IDisposable
{
    private readonly List<PosixSignalRegistration> _signals = [];
    private int _signalled;

    public string Name => "running";

    public string? NotReadyReason =>
        Volatile.Read(ref _signalled) > 0 || application.ApplicationStopping.IsCancellationRequested ? "stopping"
        : application.ApplicationStarted.IsCancellationRequested ? null
        : "starting";

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT])
            _signals.Add(PosixSignalRegistration.Create(signal, OnSignal));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _signals.ForEach(signal => signal.Dispose());

    internal async Task DrainAsync()
    {
        if (Interlocked.Increment(ref _signalled) == 1)
        {
            var delay = new ShutdownDelay(configuration, service.ShutdownDelayKey).Value;
            Log.Stopping(logger, delay);
            try
            {
                await Task.Delay(delay, time, application.ApplicationStopping);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }

        application.StopApplication();
    }

    private void OnSignal(PosixSignalContext context)
    {
        // The process ends when Main returns, with its exit code.
        context.Cancel = true;
        _ = DrainAsync();
    }

    private static partial class Log
    {
        [LoggerMessage(4001, LogLevel.Information, "Stopping: not ready any more, accepting for another {Delay}")]
        public static partial void Stopping(ILogger logger, TimeSpan delay);
    }
}
