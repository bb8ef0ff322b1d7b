namespace ServiceHosting;

/// <summary>
/// What only the start needed goes back to the operating system: about a fifth of a service's memory at rest, which the
/// collector would keep for a load that may never come.
/// </summary>
internal static class StartMemory
{
    /// <summary>By then everything is loaded, and the gap read looks back to the start no longer.</summary>
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(6);

    /// <summary>A service that holds more by then is at work, and neither has much to return nor should it pause for that.</summary>
    private const long MostHeld = 64 << 20;

    /// <summary>Returns it once: a pause of about 10 ms.</summary>
    public static async Task ReturnAsync(TimeProvider time, CancellationToken stopping)
    {
        await Task.Delay(Delay, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        if (stopping.IsCancellationRequested || GC.GetGCMemoryInfo().HeapSizeBytes > MostHeld) return;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }
}
