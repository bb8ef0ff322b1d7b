using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using RevocationProtocol;
using StackExchange.Redis;

namespace Bench.Load;

/// <summary>What every contender shares: keys, one nginx that answers at once, one Redis, and a directory for it all.</summary>
internal sealed class World : IAsyncDisposable
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(10);

    private readonly List<Process> _processes = [];
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false });
    private int _nextPort = int.Parse(Environment.GetEnvironmentVariable("BENCH_PORT_BASE") ?? "18500", CultureInfo.InvariantCulture);

    private World(string directory)
    {
        Root = directory;
        Tokens = new Tokens(directory);
        BackendPort = NextPort();
        RedisPort = NextPort();
    }

    public string Root { get; }

    public Tokens Tokens { get; }

    public int BackendPort { get; }

    public int RedisPort { get; }

    /// <summary>The top of the repository.</summary>
    public static string Repository { get; } = FindRepository();

    public static async Task<World> StartAsync()
    {
        var world = new World(Directory.CreateTempSubdirectory("gateway-bench-").FullName);
        var configuration = Path.Combine(world.Root, "nginx.conf");
        await File.WriteAllTextAsync(configuration, $$"""
            daemon off; pid {{world.Root}}/nginx.pid; error_log {{world.Root}}/nginx-error.log; worker_processes 1;
            events {}
            http {
                access_log off; keepalive_requests 1000000000; large_client_header_buffers 4 16k;
                client_body_temp_path {{world.Root}}; proxy_temp_path {{world.Root}}; fastcgi_temp_path {{world.Root}};
                uwsgi_temp_path {{world.Root}}; scgi_temp_path {{world.Root}};
                server { listen 127.0.0.1:{{world.BackendPort}}; location / { return 200 "Hello, World!"; } }
            }
            """);
        world.Start("nginx", world.Root, "/usr/sbin/nginx", ["-c", configuration, "-p", world.Root]);
        world.Start("redis", world.Root, "redis-server", ["--bind", "127.0.0.1", "--port", $"{world.RedisPort}", "--dir", world.Root,
            "--save", "", "--maxmemory-policy", "noeviction"]);
        await world.AwaitAsync(new Uri($"http://127.0.0.1:{world.BackendPort}/"));
        return world;
    }

    public int NextPort() => _nextPort++;

    /// <summary>A directory of this name, with these settings in it.</summary>
    public string Settings(string name, JsonObject settings)
    {
        var directory = Directory.CreateDirectory(Path.Combine(Root, name)).FullName;
        File.WriteAllText(Path.Combine(directory, "appsettings.json"), settings.ToJsonString());
        return directory;
    }

    /// <summary>Starts a program; what it writes goes to a file, as it would in production.</summary>
    public Process Start(string name, string directory, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var log = Path.Combine(Root, $"{name}.log");
        // A shell opens the file, so that no pump of ours takes processor time while something is measured.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1", "sh", log, program, .. arguments]) { WorkingDirectory = directory };
        start.Environment["DOTNET_ENVIRONMENT"] = "Production";
        foreach (var (key, value) in environment ?? new Dictionary<string, string>()) start.Environment[key] = value;
        var process = Process.Start(start)!;
        _processes.Add(process);
        return process;
    }

    /// <summary>Waits for an answer 200.</summary>
    public async Task AwaitAsync(Uri address, Process? process = null)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            if (process is not null) ThrowIfStopped(process);
            try
            {
                using var answer = await _http.GetAsync(address);
                if (answer.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException) when (TimeProvider.System.GetElapsedTime(began) < StartTime)
            {
                // Not listening yet.
            }

            if (TimeProvider.System.GetElapsedTime(began) > StartTime) throw new InvalidOperationException($"{address} did not become ready; see {Root}.");
            await Task.Delay(5);
        }
    }

    /// <summary>Waits until somebody listens there.</summary>
    public static async Task AwaitListeningAsync(int port, Process process)
    {
        using var deadline = new CancellationTokenSource(StartTime);
        while (true)
        {
            ThrowIfStopped(process);
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, port, deadline.Token);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(5, deadline.Token);
            }
        }
    }

    private static void ThrowIfStopped(Process process)
    {
        var arguments = process.StartInfo.ArgumentList;
        if (process.HasExited) throw new InvalidOperationException($"{arguments[4]} stopped with exit code {process.ExitCode}: {File.ReadAllText(arguments[3])}");
    }

    /// <summary>Sets a key of Redis.</summary>
    public async Task SetAsync(string key)
    {
        using var redis = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{RedisPort}");
        await redis.GetDatabase().StringSetAsync(key, "");
    }

    /// <summary>Answers the status of a GET with that token.</summary>
    public async Task<int> AskAsync(int port, string path, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{port}{path}");
        request.Headers.Authorization = new("Bearer", token);
        using var answer = await _http.SendAsync(request);
        return (int)answer.StatusCode;
    }

    /// <summary>Fills a gateway's part of Redis as the auth-service does: revoked sessions, and the revoked token.</summary>
    public async Task RevokeAsync(string prefix, int count, string? jti)
    {
        await using var redis = new RedisConnection($"127.0.0.1:{RedisPort}", TimeProvider.System, TimeSpan.FromSeconds(10));
        var writer = new RevocationWriter(redis, new RevocationKeys(prefix), TimeProvider.System);
        var status = await writer.InspectAsync(CancellationToken.None);
        var refilled = await new RevocationRefill(writer, new Revoked(count, jti)).RunAsync(status.Identity, CancellationToken.None);
        if (refilled?.Count != count) throw new InvalidOperationException($"Redis holds {refilled?.Count} revocations, not {count}.");
    }

    /// <summary>What the programs have written so far is of no use any more.</summary>
    public void EmptyLogs()
    {
        foreach (var log in Directory.EnumerateFiles(Root, "*.log")) File.OpenHandle(log, FileMode.Truncate, FileAccess.Write).Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes.Where(process => !process.HasExited))
        {
            using (var kill = Process.Start("kill", ["-TERM", $"{process.Id}"])) await kill.WaitForExitAsync();
            using var deadline = new CancellationTokenSource(StopTime);
            await process.WaitForExitAsync(deadline.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!process.HasExited) process.Kill();
            process.Dispose();
        }

        _http.Dispose();
        Tokens.Dispose();
        Directory.Delete(Root, recursive: true);
    }

    private static string FindRepository()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Gateway.sln"))) directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("This is not run from the repository.");
        return directory;
    }

    /// <summary>Rows of ended sessions and, last, of one revoked token.</summary>
    private sealed class Revoked(int count, string? jti) : IRevocationRows
    {
        private readonly long _expiresMs = TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeMilliseconds();

        public Task<IReadOnlyList<(long Number, RevocationEntry Entry)>> ReadLiveAsync(long after, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<(long, RevocationEntry)>>(
                [.. Enumerable.Range((int)after + 1, Math.Min(RevocationWriter.MaxEntries, count - (int)after)).Select(number => ((long)number, Entry(number)))]);

        public Task<long> ReadPublishedNumberAsync(CancellationToken cancellationToken) => Task.FromResult((long)count);

        private RevocationEntry Entry(int number) => number == count && jti is not null
            ? new(Tokens.Issuer, RevocationKind.Jti, jti, 0, null, _expiresMs)
            : new(Tokens.Issuer, RevocationKind.Sid, $"dead-sid-{number}", 0, null, _expiresMs);
    }
}
