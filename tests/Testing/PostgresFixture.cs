using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Testing;

/// <summary>
/// The distribution's PostgreSQL in a directory and on a port of its own, killed and removed at dispose. PostgreSQL
/// refuses to run as root; then it runs as the user <c>postgres</c>.
/// </summary>
public sealed class PostgresFixture : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("postgres-fixture-");
    private Process? _process;
    private int _databases;

    /// <summary>Why tests that need PostgreSQL cannot run here, or null. Never a reason where CI=true: there its absence
    /// is a failure.</summary>
    public static string? MissingReason =>
        Bin is null && Environment.GetEnvironmentVariable("CI") != "true" ? "PostgreSQL is not installed (package postgresql)." : null;

    /// <summary>The port, known after the start.</summary>
    public int Port { get; private set; }

    private static string? Bin { get; } = FindBin();

    private string Data => Path.Combine(_directory.FullName, "data");

    /// <summary>A connection string for a new, empty database.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = $"test{Interlocked.Increment(ref _databases)}";
        await RunAsync("createdb", "-h", "127.0.0.1", "-p", $"{Port}", "-U", "postgres", name);
        return $"Host=127.0.0.1;Port={Port};Database={name};Username=postgres;Include Error Detail=false";
    }

    /// <summary>The whole database as SQL text.</summary>
    public Task<string> DumpAsync(string connectionString)
    {
        var name = connectionString.Split(';').Single(part => part.StartsWith("Database=", StringComparison.Ordinal))["Database=".Length..];
        return RunAsync("pg_dump", "-h", "127.0.0.1", "-p", $"{Port}", "-U", "postgres", name);
    }

    /// <summary>Makes a cluster and starts the server; returns once it accepts connections.</summary>
    public async Task StartAsync()
    {
        if (Bin is null) throw new InvalidOperationException("PostgreSQL is not installed (package postgresql).");
        if (Port == 0)
        {
            if (Environment.IsPrivilegedProcess) Process.Start("chown", ["postgres", _directory.FullName]).WaitForExit();
            await RunAsync("initdb", "-D", Data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C");
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            Port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }
        _process = Process.Start(Command("postgres", "-D", Data, "-p", $"{Port}", "-h", "127.0.0.1", "-k", _directory.FullName, "-c", "fsync=off", "-c", "max_connections=200"))!;
        Drain(_process);
        var clock = Stopwatch.StartNew();
        while (!await TryAsync("pg_isready", "-h", "127.0.0.1", "-p", $"{Port}", "-U", "postgres"))
        {
            if (clock.Elapsed > Deadline || _process.HasExited) throw new InvalidOperationException($"postgres did not start on port {Port}.");
            await Task.Delay(20);
        }
    }

    /// <summary>Stops the server at once, as a crash would; the data stay.</summary>
    public async Task KillAsync()
    {
        if (_process is not { } process) return;
        // The child of setpriv is the server itself: setpriv replaces itself by it.
        if (!process.HasExited) process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
        _process = null;
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _directory.Delete(recursive: true);
    }

    private static ProcessStartInfo Command(string program, params string[] arguments)
    {
        var path = Path.Combine(Bin!, program);
        string[] command = Environment.IsPrivilegedProcess
            ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", path, .. arguments]
            : [path, .. arguments];
        return new ProcessStartInfo(command[0], command[1..])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(Command(program, arguments))!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program}: {await errors}");
    }

    private static async Task<bool> TryAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(Command(program, arguments))!;
        Drain(process);
        await process.WaitForExitAsync();
        return process.ExitCode == 0;
    }

    private static void Drain(Process process)
    {
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    private static string? FindBin() => Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").Select(version => Path.Combine(version, "bin"))
            .Where(bin => File.Exists(Path.Combine(bin, "postgres"))).Order(StringComparer.Ordinal).LastOrDefault()
        : null;
}
