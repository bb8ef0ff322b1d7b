namespace Bench.Load;

/// <summary>What a contender's turns brought, one value a round.</summary>
internal sealed class Measurements
{
    /// <summary>CPU a request, µs.</summary>
    public List<double> Cpu { get; } = [];

    public List<double> RequestsPerSecond { get; } = [];

    public List<double> P50 { get; } = [];

    public List<double> P99 { get; } = [];

    /// <summary>Bytes allocated a request, where they are counted.</summary>
    public List<double> Allocated { get; } = [];
}

/// <summary>Gives every contender its turn in every round, so that whatever else the machine does falls on all.</summary>
internal sealed class Comparison(World world)
{
    /// <summary>Load before the first turn: until then a .NET proxy recompiles what it finds hot.</summary>
    private const int WarmUpSeconds = 15;

    private const int UnmanagedWarmUpSeconds = 2;

    public async Task<Dictionary<string, Measurements>> RunAsync(IReadOnlyList<Contender> contenders, Options options)
    {
        foreach (var contender in contenders)
        {
            await Console.Error.WriteLineAsync($"warming up: {contender.Name}");
            await LoadAsync(contender, contender.IsManaged ? WarmUpSeconds : UnmanagedWarmUpSeconds);
        }

        var results = contenders.ToDictionary(contender => contender.Name, _ => new Measurements());
        for (var round = 0; round < options.Rounds; round++)
        {
            await Console.Error.WriteLineAsync($"round {round + 1} of {options.Rounds}");
            // The order turns, so that no one always follows the same other.
            for (var i = 0; i < contenders.Count; i++)
            {
                var contender = contenders[(i + round) % contenders.Count];
                await MeasureAsync(contender, options.Seconds, results[contender.Name]);
            }

            world.EmptyLogs();
        }

        return results;
    }

    /// <summary>The median of the rounds' own ratios.</summary>
    public static double Ratio(Measurements one, Measurements other) => Median(one.Cpu.Zip(other.Cpu, (a, b) => a / b));

    public static double Median(IEnumerable<double> values)
    {
        double[] ordered = [.. values.Order()];
        return ordered.Length == 0 ? double.NaN : (ordered[(ordered.Length - 1) / 2] + ordered[ordered.Length / 2]) / 2;
    }

    private async Task MeasureAsync(Contender contender, int seconds, Measurements results)
    {
        var allocated = await AllocationCounter.ReadAsync(world.Root, contender.Process.Id);
        var cpu = contender.CpuSeconds();
        var load = await LoadAsync(contender, seconds);
        cpu = contender.CpuSeconds() - cpu;
        results.Cpu.Add(cpu / load.Requests * 1e6);
        results.RequestsPerSecond.Add(load.Requests / load.Seconds);
        results.P50.Add(load.P50);
        results.P99.Add(load.P99);
        if (await AllocationCounter.ReadAsync(world.Root, contender.Process.Id) - allocated is { } bytes) results.Allocated.Add((double)bytes / load.Requests);
    }

    private static async Task<LoadResult> LoadAsync(Contender contender, int seconds)
    {
        var load = await Wrk.RunAsync(contender.Port, contender.RequestFile, seconds);
        return load.Failures == 0 ? load : throw new InvalidOperationException($"{contender.Name}: {load.Failures} of {load.Requests} requests failed.");
    }
}
