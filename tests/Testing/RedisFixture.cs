using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Testing;

/// <summary>
/// A redis-server of the distribution on a port and in a directory of its own, killed and removed at dispose.
/// It keeps its port over <see cref="StopAsync"/>, <see cref="KillAsync"/> and <see cref="RestartAsync"/>.
/// </summary>
public sealed class RedisFixture : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(15);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("redis-fixture-");
    private PortLease? _port;
    private Process? _process;
    private Process? _watchdog;

    /// <summary>Whether every write survives a kill (<c>appendfsync always</c>). Without it a restarted server is empty.</summary>
    public bool AppendOnly { get; init; }

    /// <summary>The server's eviction policy; the product requires <c>noeviction</c>.</summary>
    public string EvictionPolicy { get; init; } = "noeviction";

    /// <summary>Further server arguments, such as <c>--requirepass secret</c>, one word an element.</summary>
    public IReadOnlyList<string> ExtraArguments { get; init; } = [];

    /// <summary>The port, taken at the first start.</summary>
    public int Port => _port?.Port ?? throw new InvalidOperationException("redis-server was not started yet.");

    /// <summary><c>host:port</c>, fit for a connection string.</summary>
    public string Endpoint => $"127.0.0.1:{Port}";

    /// <summary>The process id of the running server, for signals such as SIGSTOP.</summary>
    public int ProcessId => _process?.Id ?? throw new InvalidOperationException("redis-server is not running.");

    /// <summary>Whether the server process is running.</summary>
    public bool Running => _process is { HasExited: false };

    /// <summary>Starts the server and returns once it answers.</summary>
    public async Task StartAsync()
    {
        if (Running) return;
        _port ??= PortLease.Take();
        _process = Launch(Port);
        _watchdog = Watch(_process.Id);
        if (await AnswersAsync(Port, _process)) return;
        var log = await ReadLogAsync();
        await KillAsync();
        throw new InvalidOperationException($"redis-server did not start on port {Port}:{Environment.NewLine}{log}");
    }

    /// <summary>Ends the server at once, as a crash would (SIGKILL).</summary>
    public async Task KillAsync()
    {
        if (_process is not { } process) return;
        if (!process.HasExited) process.Kill();
        await process.WaitForExitAsync();
        Forget(process);
    }

    /// <summary>Stops the server in order (<c>SHUTDOWN</c>); what is not persistent is lost.</summary>
    public async Task StopAsync()
    {
        if (_process is not { } process) return;
        if (!process.HasExited) await RunCliAsync("shutdown", "nosave");
        await process.WaitForExitAsync().WaitAsync(Deadline);
        Forget(process);
    }

    /// <summary>Stops the server if it runs and starts it on the same port: a new run id, empty unless persistent.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    /// <summary>The server's present data, to come back to with <see cref="RestoreAsync"/>.</summary>
    public async Task<byte[]> SnapshotAsync()
    {
        await RunCliAsync("save");
        var dump = Path.Combine(_directory.FullName, "dump.rdb");
        var snapshot = await File.ReadAllBytesAsync(dump);
        File.Delete(dump);
        return snapshot;
    }

    /// <summary>Restarts the server with the data of a snapshot, as after a failover or a restored backup.</summary>
    public async Task RestoreAsync(byte[] snapshot)
    {
        if (AppendOnly) throw new InvalidOperationException("A snapshot is not read by a server with an append-only file.");
        await StopAsync();
        var dump = Path.Combine(_directory.FullName, "dump.rdb");
        await File.WriteAllBytesAsync(dump, snapshot);
        await StartAsync();
        File.Delete(dump);
    }

    /// <summary>The append-only file as it is now, to come back to with <see cref="StartWithAsync"/>.</summary>
    public async Task<IReadOnlyDictionary<string, byte[]>> CopyAppendOnlyFileAsync()
    {
        var files = new Dictionary<string, byte[]>();
        foreach (var file in Directory.EnumerateFiles(AppendOnlyDirectory)) files[file] = await File.ReadAllBytesAsync(file);
        return files;
    }

    /// <summary>Starts the stopped server with an earlier append-only file, as from a backup or another disk.</summary>
    public async Task StartWithAsync(IReadOnlyDictionary<string, byte[]> appendOnlyFile)
    {
        if (Running) throw new InvalidOperationException("redis-server is running.");
        Directory.Delete(AppendOnlyDirectory, recursive: true);
        Directory.CreateDirectory(AppendOnlyDirectory);
        foreach (var (file, bytes) in appendOnlyFile) await File.WriteAllBytesAsync(file, bytes);
        await StartAsync();
    }

    /// <summary>Runs <c>redis-cli</c> against the server and returns its raw output without the last line break.</summary>
    public async Task<string> RunCliAsync(params IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo("redis-cli") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new[] { "-p", $"{Port}", "--raw" }.Concat(arguments)) start.ArgumentList.Add(argument);
        using var cli = Process.Start(start) ?? throw new InvalidOperationException("redis-cli is not installed.");
        var errors = cli.StandardError.ReadToEndAsync();
        var output = await cli.StandardOutput.ReadToEndAsync().WaitAsync(Deadline);
        await cli.WaitForExitAsync().WaitAsync(Deadline);
        if (cli.ExitCode != 0) throw new InvalidOperationException($"redis-cli {string.Join(' ', arguments)}: {output}{await errors}");
        return output.TrimEnd('\n');
    }

    /// <summary>The same, blocking; for places that cannot await.</summary>
    public string RunCli(params IReadOnlyList<string> arguments) => RunCliAsync(arguments).GetAwaiter().GetResult();

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _port?.Dispose();
        if (Directory.Exists(_directory.FullName)) _directory.Delete(recursive: true);
    }

    private Process Launch(int port)
    {
        var start = new ProcessStartInfo("redis-server") { UseShellExecute = false };
        string[] arguments =
        [
            "--port", $"{port}", "--bind", "127.0.0.1", "--dir", _directory.FullName, "--logfile", LogFile, "--save", "", "--rdbcompression", "no",
            "--maxmemory-policy", EvictionPolicy, "--appendonly", AppendOnly ? "yes" : "no", "--appendfsync", "always",
            .. ExtraArguments,
        ];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start) ?? throw new InvalidOperationException("redis-server is not installed.");
    }

    /// <summary>
    /// A test process that is killed disposes of nothing: the watchdog's standard input closes with it, and then it ends
    /// the server.
    /// </summary>
    private static Process Watch(int serverId)
    {
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false, RedirectStandardInput = true };
        foreach (var argument in (string[])["-c", $"read -r _; kill -9 {serverId}"]) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private void Forget(Process process)
    {
        // First the watchdog, which must not outlive the process id it would kill.
        _watchdog?.Kill();
        _watchdog?.Dispose();
        _watchdog = null;
        process.Dispose();
        _process = null;
    }

    private string AppendOnlyDirectory => Path.Combine(_directory.FullName, "appendonlydir");

    private string LogFile => Path.Combine(_directory.FullName, "redis.log");

    private async Task<string> ReadLogAsync() => File.Exists(LogFile) ? await File.ReadAllTextAsync(LogFile) : "(no log)";

    /// <summary>Waits until the server answers PING, a password error included, but not while it loads its data.</summary>
    private static async Task<bool> AnswersAsync(int port, Process process)
    {
        var clock = Stopwatch.StartNew();
        var answer = new byte[64];
        while (clock.Elapsed < Deadline && !process.HasExited)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port);
                var stream = client.GetStream();
                await stream.WriteAsync("PING\r\n"u8.ToArray());
                var length = await stream.ReadAsync(answer);
                var text = Encoding.ASCII.GetString(answer, 0, length);
                // Another program's port that answers something else is not ours.
                if (!process.HasExited && (text.StartsWith("+PONG", StringComparison.Ordinal) || text.StartsWith("-NOAUTH", StringComparison.Ordinal)))
                    return true;
            }
            catch (Exception exception) when (exception is SocketException or IOException)
            {
                // Not listening yet.
            }

            await Task.Delay(5);
        }

        return false;
    }
}
