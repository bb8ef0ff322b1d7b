using System.Globalization;
using System.Runtime.CompilerServices;

namespace SampleBackend.Endpoints;

internal static class Clock
{
    public static void MapClock(this WebApplication app) =>
        app.MapGet("/sse/clock", (TimeProvider clock, IHostApplicationLifetime lifetime, CancellationToken aborted) =>
            TypedResults.ServerSentEvents(TickAsync(clock, lifetime.ApplicationStopping, aborted), "tick"));

    /// <summary>The time, at once and then every second, until the client leaves or the process is told to stop.</summary>
    private static async IAsyncEnumerable<string> TickAsync(
        TimeProvider clock, CancellationToken stopping, [EnumeratorCancellation] CancellationToken aborted)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), clock);
        using var dispose = stopping.Register(timer.Dispose); // ends the wait without an exception
        do
        {
            yield return clock.GetUtcNow().ToString("O", CultureInfo.InvariantCulture);
        }
        while (await timer.WaitForNextTickAsync(aborted));
    }
}
