using System.Diagnostics;

namespace Testing;

/// <summary>Waits for a condition with a deadline, instead of for a time.</summary>
public static class Eventually
{
    /// <summary>How long a condition may take that should hold at once: generous, since the machine may be busy.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(15);

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

    /// <summary>Asks until the answer is true; fails, saying <paramref name="what"/>, after <see cref="Deadline"/>.</summary>
    public static Task TrueAsync(Func<Task<bool>> condition, string what, CancellationToken cancellationToken = default) =>
        TrueAsync(_ => condition(), Deadline, () => what, cancellationToken);

    /// <summary>Asks until the answer is true; fails, saying <paramref name="what"/>, after <see cref="Deadline"/>.</summary>
    public static Task TrueAsync(Func<bool> condition, string what, CancellationToken cancellationToken = default) =>
        TrueAsync(_ => Task.FromResult(condition()), Deadline, () => what, cancellationToken);

    /// <summary>Asks until there is an answer; fails, saying <paramref name="what"/>, after <see cref="Deadline"/>.</summary>
    public static async Task<T> ValueAsync<T>(Func<Task<T?>> ask, string what, CancellationToken cancellationToken = default)
        where T : class
    {
        T? value = null;
        await TrueAsync(async () => (value = await ask()) is not null, what, cancellationToken);
        return value!;
    }
}
