using System.Diagnostics;
using System.Globalization;

namespace Bench.Load;

/// <summary>What one turn brought.</summary>
/// <param name="Requests">Requests answered.</param>
/// <param name="Failures">Of these, with another status than 200, or lost.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="P50">Median latency, µs.</param>
/// <param name="P99">99th percentile, µs.</param>
internal sealed record LoadResult(long Requests, long Failures, double Seconds, double P50, double P99);

/// <summary>The load: one thread, 32 connections, requests in the order of a file.</summary>
internal static class Wrk
{
    private const int Connections = 32;

    private static readonly string Script = Path.Combine(World.Repository, "bench", "load.lua");

    public static async Task<LoadResult> RunAsync(int port, string requests, int seconds)
    {
        var start = new ProcessStartInfo("wrk", ["-t1", $"-c{Connections}", $"-d{seconds}s", "-s", Script, $"http://127.0.0.1:{port}", "--", requests])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        var line = output.Split('\n').FirstOrDefault(line => line.StartsWith("result ", StringComparison.Ordinal))
            ?? throw new InvalidOperationException($"wrk: {output}");
        var values = line.Split(' ')[1..].Select(value => double.Parse(value, CultureInfo.InvariantCulture)).ToArray();
        return new LoadResult((long)values[0], (long)values[1], values[2] / 1e6, values[3], values[4]);
    }
}
