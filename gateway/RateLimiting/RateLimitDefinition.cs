using System.Globalization;

namespace Gateway.RateLimiting;

/// <summary>How requests are counted.</summary>
internal enum RateLimitAlgorithm
{
    /// <summary>So many in each window; all may come at its start.</summary>
    FixedWindow,

    /// <summary>So many in any window, judged by eighths of it.</summary>
    SlidingWindow,

    /// <summary>So many at once, and one comes back every <c>Window</c> / <c>PermitLimit</c>.</summary>
    TokenBucket,

    /// <summary>So many at a time; a WebSocket counts for as long as it lasts.</summary>
    Concurrency,
}

/// <summary>Whose requests are counted together. Who is not signed in counts by address.</summary>
internal enum RateLimitPartition
{
    User,
    Client,
    Address,
}

/// <summary>
/// One of <c>Gateway:RateLimits</c>. All routes that name it in <c>RateLimiterPolicy</c> share its counts; each gateway counts
/// for itself.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="PermitLimit">So many requests. 1 to 1,000,000; required.</param>
/// <param name="Window">In this time. 1 second to 1 day; required, but for <c>Concurrency</c>, which has none.</param>
/// <param name="Algorithm">How they are counted. Default <c>FixedWindow</c>.</param>
/// <param name="PartitionBy">Whose are counted together: user, client or address. Required.</param>
/// <param name="QueueLimit">How many of one partition wait for their turn instead of being refused. Default 0, at most 1000; each
/// holds its connection.</param>
/// <param name="MaxPartitions">At most so many users, clients or addresses are told apart at a time; further ones are counted
/// together. Default 50,000, at most 1,000,000; each takes about 500 bytes.</param>
internal sealed record RateLimitDefinition(
    string Name, int PermitLimit, TimeSpan Window, RateLimitAlgorithm Algorithm, RateLimitPartition PartitionBy, int QueueLimit, int MaxPartitions)
{
    public const string Section = "Gateway:RateLimits";

    private const int MostPermits = 1_000_000;
    private const int MostWaiting = 1000;
    private const int MostPartitions = 1_000_000;
    private const int UsualPartitions = 50_000;

    private static readonly string[] Members =
        [nameof(PermitLimit), nameof(Window), nameof(Algorithm), nameof(PartitionBy), nameof(QueueLimit), nameof(MaxPartitions)];

    /// <summary>Reads all definitions as they are configured now, with what is wrong in them.</summary>
    public static Dictionary<string, RateLimitDefinition> ReadAll(IConfiguration configuration, List<string> problems) =>
        configuration.GetSection(Section).GetChildren().ToDictionary(
            section => section.Key, section => Read(section, problems), StringComparer.OrdinalIgnoreCase);

    private static RateLimitDefinition Read(IConfigurationSection section, List<string> problems)
    {
        foreach (var child in section.GetChildren().Where(child => !Members.Contains(child.Key, StringComparer.OrdinalIgnoreCase)))
            problems.Add($"{child.Path}: is not a setting; known are {string.Join(", ", Members)}.");
        var algorithm = Choice<RateLimitAlgorithm>(section, nameof(Algorithm), RateLimitAlgorithm.FixedWindow, problems);
        return new RateLimitDefinition(
            section.Key,
            Number(section, nameof(PermitLimit), null, 1, MostPermits, problems),
            ReadWindow(section, algorithm, problems),
            algorithm,
            Choice<RateLimitPartition>(section, nameof(PartitionBy), null, problems),
            Number(section, nameof(QueueLimit), 0, 0, MostWaiting, problems),
            Number(section, nameof(MaxPartitions), UsualPartitions, 1, MostPartitions, problems));
    }

    private static TimeSpan ReadWindow(IConfigurationSection section, RateLimitAlgorithm algorithm, List<string> problems)
    {
        var text = section[nameof(Window)];
        if (algorithm == RateLimitAlgorithm.Concurrency)
        {
            if (text is not null) problems.Add($"{section.Path}:{nameof(Window)}: {algorithm} has no window.");
            return TimeSpan.Zero;
        }

        // A bare number would be days.
        if (text?.Contains(':', StringComparison.Ordinal) == true && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var window)
            && window >= TimeSpan.FromSeconds(1) && window <= TimeSpan.FromDays(1))
        {
            return window;
        }

        problems.Add($"{section.Path}:{nameof(Window)}: must be a time from 00:00:01 to 1.00:00:00, not '{text}'.");
        return TimeSpan.FromSeconds(1);
    }

    private static int Number(IConfigurationSection section, string key, int? unset, int min, int max, List<string> problems)
    {
        var text = section[key];
        if (text is null && unset is { } value) return value;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max) return number;
        problems.Add($"{section.Path}:{key}: must be a whole number from {min} to {max}, not '{text}'.");
        return min;
    }

    private static T Choice<T>(IConfigurationSection section, string key, T? unset, List<string> problems) where T : struct, Enum
    {
        var text = section[key];
        if (text is null && unset is { } value) return value;
        // Enum.TryParse would take numbers.
        if (Enum.GetNames<T>().FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } known) return Enum.Parse<T>(known);
        problems.Add($"{section.Path}:{key}: must be one of {string.Join(", ", Enum.GetNames<T>())}, not '{text}'.");
        return default;
    }
}
