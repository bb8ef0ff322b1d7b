using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Testing;

/// <summary>What a command came to.</summary>
public sealed record CommandResult(int ExitCode, string Output, string Errors);

/// <summary>One service of the system as a process of its own, with its output in a file.</summary>
public sealed class ServiceProcess : IAsyncDisposable
{
    /// <summary>The drain a service is given at SIGTERM (30 s) and a margin.</summary>
    public static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(40);

    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);
    private static readonly HttpClient Probe = new(new SocketsHttpHandler { UseProxy = false, PooledConnectionLifetime = TimeSpan.Zero }) { Timeout = TimeSpan.FromSeconds(5) };

    private readonly string _project;
    private readonly string _program;
    private readonly string _logFile;
    private readonly IReadOnlyDictionary<string, string> _environment;
    private Process? _process;

    internal ServiceProcess(string name, string project, string assembly, string logFile, Uri address, Uri readiness, IReadOnlyDictionary<string, string> environment)
    {
        Name = name;
        Address = address;
        Readiness = readiness;
        _project = Path.Combine(Repository.Root, project);
        _program = Repository.Program(project, assembly);
        _logFile = logFile;
        _environment = environment;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Kill();
    }

    public string Name { get; }

    /// <summary>Where it takes requests.</summary>
    public Uri Address { get; }

    /// <summary>Answers 200 once the service is ready.</summary>
    public Uri Readiness { get; }

    public int ProcessId => _process?.Id ?? throw new InvalidOperationException($"{Name} is not running.");

    public bool Running => _process is { HasExited: false };

    /// <summary>Everything it has written to its standard output and error, over all its lives.</summary>
    public string ReadLog()
    {
        if (!File.Exists(_logFile)) return "";
        using var reader = new StreamReader(new FileStream(_logFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }

    /// <summary>Starts it and returns at once.</summary>
    public void Launch()
    {
        if (Running) throw new InvalidOperationException($"{Name} is running.");
        _process?.Dispose();
        // The shell gives its place to the program, so the process is the program itself. The settings go round the shell,
        // which would drop those whose names are no shell variables, such as the ones of the cluster sample-backend.
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false, WorkingDirectory = _project };
        string[] arguments = ["-c", "log=$0; exec env \"$@\" >>\"$log\" 2>&1 </dev/null", _logFile, .. _environment.Select(pair => $"{pair.Key}={pair.Value}"), Repository.DotnetHost, _program];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        foreach (var name in start.Environment.Keys.Where(IsSetting).ToList()) start.Environment.Remove(name);
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{Name} did not start.");
    }

    /// <summary>Runs the same program with the same settings and arguments of its own to its end, such as a command.</summary>
    /// <param name="input">Its standard input.</param>
    public async Task<CommandResult> RunAsync(string[] arguments, string input = "", CancellationToken cancellationToken = default)
    {
        var start = new ProcessStartInfo("dotnet", [_program, .. arguments])
        {
            UseShellExecute = false,
            WorkingDirectory = _project,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(IsSetting).ToList()) start.Environment.Remove(name);
        foreach (var (name, value) in _environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(cancellationToken), process.StandardError.ReadToEndAsync(cancellationToken));
        await process.StandardInput.WriteAsync(input.AsMemory(), cancellationToken);
        process.StandardInput.Close();
        await process.WaitForExitAsync(cancellationToken).WaitAsync(StartDeadline, cancellationToken);
        return new CommandResult(process.ExitCode, await output, await errors);
    }

    /// <summary>Waits until it is ready; fails with its log when it dies instead.</summary>
    public Task ReadyAsync(CancellationToken cancellationToken = default)
    {
        var answer = "";
        return Eventually.TrueAsync(
            async cancellation =>
            {
                if (!Running) throw new InvalidOperationException($"{Name} stopped at start with exit code {_process?.ExitCode}:{Environment.NewLine}{ReadLog()}");
                try
                {
                    using var response = await Probe.GetAsync(Readiness, cancellation);
                    if (response.IsSuccessStatusCode) return true;
                    answer = await response.Content.ReadAsStringAsync(cancellation);
                }
                catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException && !cancellation.IsCancellationRequested)
                {
                    answer = exception.Message;
                }

                return false;
            },
            StartDeadline,
            () => $"{Name} is not ready: {answer}{Environment.NewLine}{ReadLog()}",
            cancellationToken);
    }

    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        Launch();
        return ReadyAsync(cancellationToken);
    }

    /// <summary>SIGKILL, as a crash would end it.</summary>
    public void Kill()
    {
        if (_process is { HasExited: false } process) process.Kill();
    }

    /// <summary>SIGSTOP: the process stands still, its connections stay open.</summary>
    public void Suspend() => Signal(19);

    /// <summary>SIGCONT.</summary>
    public void Resume() => Signal(18);

    /// <summary>SIGTERM: asks it to stop in order.</summary>
    public void Terminate() => Signal(15);

    /// <summary>Waits for the end of the process and returns its exit code.</summary>
    public async Task<int> ExitedAsync(CancellationToken cancellationToken = default)
    {
        if (_process is not { } process) throw new InvalidOperationException($"{Name} was not started.");
        await process.WaitForExitAsync(cancellationToken).WaitAsync(StopDeadline, cancellationToken);
        return process.ExitCode;
    }

    /// <summary>Stops it in order and starts it again on the same ports.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken = default)
    {
        if (Running)
        {
            Terminate();
            await ExitedAsync(cancellationToken);
        }

        await StartAsync(cancellationToken);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        Kill();
        if (_process is not { } process) return;
        await process.WaitForExitAsync();
        process.Dispose();
        _process = null;
    }

    /// <summary>What the shell of the tests happens to hold must not configure the services.</summary>
    private static bool IsSetting(string name) =>
        name.Contains("__", StringComparison.Ordinal)
        || name.StartsWith("ASPNETCORE_", StringComparison.Ordinal)
        || name.StartsWith("OTEL_", StringComparison.Ordinal)
        || name is "DOTNET_ENVIRONMENT" or "DOTNET_URLS";

    private void Signal(int signal)
    {
        if (NativeMethods.Kill(ProcessId, signal) != 0)
            throw new InvalidOperationException($"{Name} took no signal {signal}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private static class NativeMethods
    {
        [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Kill(int processId, int signal);
    }
}
