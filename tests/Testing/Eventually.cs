using System.Diagnostics;

namespace Testing;

/// <summary>Waits for a condition with a deadline, instead of for a time.</summary>
public static class Eventually
{
    /// <summary>Asks until the answer is true; fails with the latest answer to <paramref name="describe"/> after <paramref name="within"/>.</summary>
    public static async Task TrueAsync(
        Func<CancellationToken, Task<bool>> condition, TimeSpan within, Func<string> describe, CancellationToken cancellationToken = default)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition(cancellationToken))
        {
            if (clock.Elapsed > within) throw new TimeoutException($"Not within {within.TotalSeconds:0.###} s: {describe()}");
            await Task.Delay(TimeSpan.FromMilliseconds(10), cancellationToken);
        }
    }
}
