using System.Diagnostics;
using System.Globalization;

namespace Bench.Load;

/// <summary>How long the gateway takes from its start to ready, on a warm disk, and how much memory it has when nobody asks.</summary>
internal static class Startup
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync(Options options)
    {
        await using var world = await World.StartAsync();
        var contenders = new Contenders(world);
        var times = new List<double>();
        var workingSets = new List<double>();
        // The first one warms the disk.
        for (var i = 0; i <= options.Rounds; i++)
        {
            var (process, time) = await contenders.StartGatewayAsync();
            if (i > 0) times.Add(time.TotalSeconds);
            await Task.Delay(Rest);
            if (i > 0) workingSets.Add(WorkingSet(process));
            process.Kill();
            await process.WaitForExitAsync();
        }

        var table = new Table();
        table.Header("startup");
        table.Add($"start to ready, s, median of {options.Rounds}", Comparison.Median(times), bar: 1.0);
        table.Add("the slowest, s", times.Max());
        table.Add($"working set {Rest.TotalSeconds:0} s after, MiB, median", Comparison.Median(workingSets), bar: 120);
        return table.HasMisses ? 1 : 0;
    }

    private static double WorkingSet(Process process)
    {
        var line = File.ReadLines($"/proc/{process.Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }
}
