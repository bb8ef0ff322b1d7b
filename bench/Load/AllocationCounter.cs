using System.Diagnostics.CodeAnalysis;
using System.IO.MemoryMappedFiles;
using Bench.Load;

/// <summary>Runs in every .NET contender before its own Main (DOTNET_STARTUP_HOOKS): tells ten times a second how much it has allocated.</summary>
[SuppressMessage("Design", "CA1050:Declare types in namespaces", Justification = "The runtime looks for this very name.")]
[SuppressMessage("Design", "MA0047:Declare types in namespaces", Justification = "The runtime looks for this very name.")]
internal static class StartupHook
{
    public static void Initialize() => AllocationCounter.Start();
}

namespace Bench.Load
{
    /// <summary>
    /// The number of a process, in memory that it shares by a file named by its id. Written into a file, ten times a second, it
    /// took more than 1 % of a processor, which counted as the proxy's.
    /// </summary>
    internal static class AllocationCounter
    {
        /// <summary>The environment variable that names the directory.</summary>
        public const string Directory = "BENCH_ALLOCATIONS";

        private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

        public static void Start()
        {
            if (Environment.GetEnvironmentVariable(Directory) is not { } directory) return;
            _ = WriteAsync(Path.Combine(directory, $"{Environment.ProcessId}.allocated"));
        }

        private static async Task WriteAsync(string path)
        {
            using var file = MemoryMappedFile.CreateFromFile(path, FileMode.Create, null, sizeof(long));
            using var shared = file.CreateViewAccessor();
            using var timer = new PeriodicTimer(Interval);
            do shared.Write(0, GC.GetTotalAllocatedBytes());
            while (await timer.WaitForNextTickAsync());
        }

        public static async Task<long?> ReadAsync(string directory, int processId)
        {
            var path = Path.Combine(directory, $"{processId}.allocated");
            if (!File.Exists(path)) return null;
            // One that was written after now.
            await Task.Delay(Interval * 2);
            return BitConverter.ToInt64(await File.ReadAllBytesAsync(path));
        }
    }
}
