using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Bench.Load;

/// <summary>Starts the proxies to compare. All forward to the same nginx and get requests of the same form.</summary>
internal sealed class Contenders(World world)
{
    public const int UsualTokens = 1_000;
    public const int UsualRevocations = 10_000;
    public const int UsualRoutes = 3;

    private readonly Dictionary<(string, int), AccessToken[]> _tokens = [];
    private readonly string _keyEncryptionKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    /// <summary>A proxy made of YARP, in the runtime configuration of an ASP.NET Core application, or in that of the gateway.</summary>
    public async Task<Contender> PeerAsync(string name, string kind, string algorithm, bool likeGateway = false, int tokens = UsualTokens)
    {
        var port = world.NextPort();
        var settings = Proxy(port, UsualRoutes, policy: null);
        settings["Peer"] = new JsonObject
        {
            ["Issuer"] = Tokens.Issuer,
            ["Audience"] = Tokens.Audience,
            ["KeyFile"] = world.Tokens.KeySetFile,
            ["Redis"] = $"127.0.0.1:{world.RedisPort}",
        };
        if (likeGateway) settings["Peer"]!["LikeGateway"] = "true";
        var directory = world.Settings($"peer-{port}", settings);
        var assembly = Path.Combine(AppContext.BaseDirectory, "LoadBench");
        var runtime = likeGateway ? Path.Combine(GatewayDirectory, "Gateway.runtimeconfig.json") : $"{assembly}.runtimeconfig.json";
        var process = world.Start($"peer-{port}", directory, "dotnet",
            ["exec", "--runtimeconfig", runtime, "--depsfile", $"{assembly}.deps.json", $"{assembly}.dll", "peer", kind, "--contentRoot", directory], Environment());

        var revoked = world.Tokens.Make(algorithm, UsualTokens);
        if (kind == Peer.JwtBearerAndRedis) await world.SetAsync(Peer.RevokedKey(revoked.Jti));
        var checks = kind != Peer.Plain;
        return await ReadyAsync(new Contender(
            name, port, process, Requests(algorithm, tokens, UsualRoutes), "/r0/bench",
            Probes(algorithm, revoked, bad: checks ? 401 : 200, revokedStatus: kind == Peer.JwtBearerAndRedis ? 401 : 200)));
    }

    /// <summary>HAProxy as its documentation verifies tokens: algorithm, signature, issuer, audience, life.</summary>
    public async Task<Contender> HaproxyAsync(string name, string algorithm)
    {
        var port = world.NextPort();
        var file = Path.Combine(world.Root, $"haproxy-{port}.cfg");
        await File.WriteAllTextAsync(file, $$"""
            global
                maxconn 1000
            defaults
                mode http
                timeout connect 5s
                timeout client 60s
                timeout server 60s
                option forwardfor
            frontend gateway
                bind 127.0.0.1:{{port}}
                http-request set-var(txn.bearer) http_auth_bearer
                http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
                http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
                http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')
                http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
                http-request set-var(txn.now) date()
                http-request deny deny_status 401 unless { var(txn.alg) -m str {{algorithm}} }
                http-request deny deny_status 401 unless { var(txn.iss) -m str {{Tokens.Issuer}} }
                http-request deny deny_status 401 unless { var(txn.aud) -m str {{Tokens.Audience}} }
                http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
                http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(txn.alg,"{{Tokens.PemFile(world.Root, algorithm)}}") 1 }
                http-request set-header X-User-Id %[var(txn.bearer),jwt_payload_query('$.sub')]
                default_backend backend
            backend backend
                server nginx 127.0.0.1:{{world.BackendPort}}

            """);
        var process = world.Start($"haproxy-{port}", world.Root, "/usr/sbin/haproxy", ["-db", "-f", file]);
        var revoked = world.Tokens.Make(algorithm, UsualTokens);
        return await ReadyAsync(new Contender(
            name, port, process, Requests(algorithm, UsualTokens, UsualRoutes), "/r0/bench", Probes(algorithm, revoked, bad: 401, revokedStatus: 200), IsManaged: false));
    }

    /// <summary>The gateway, ready, with so many tokens, live revocations and routes.</summary>
    public async Task<Contender> GatewayAsync(
        string name, string algorithm = Tokens.Es256, int tokens = UsualTokens, int revocations = UsualRevocations, int routes = UsualRoutes,
        bool logs = true, string? identityLifetime = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        var port = world.NextPort();
        var prefix = $"gateway-{port}:";
        var revoked = world.Tokens.Make(algorithm, UsualTokens);
        await world.RevokeAsync(prefix, revocations, revoked.Jti);
        var (process, _) = await StartGatewayAsync(port, prefix, routes, logs, identityLifetime, environment ?? Environment());
        return await ReadyAsync(new Contender(
            name, port, process, Requests(algorithm, tokens, routes), "/r0/bench", Probes(algorithm, revoked, bad: 401, revokedStatus: revocations > 0 ? 401 : 200)));
    }

    /// <summary>The gateway as it starts beside a Redis with the usual revocations.</summary>
    public async Task<Started> StartGatewayAsync()
    {
        var port = world.NextPort();
        var prefix = $"gateway-{port}:";
        await world.RevokeAsync(prefix, UsualRevocations, jti: null);
        var (process, ready) = await StartGatewayAsync(port, prefix, UsualRoutes, logs: true, identityLifetime: null, new Dictionary<string, string>());
        var answering = TimeProvider.System.GetTimestamp();
        var status = await world.AskAsync(port, "/r0/bench", world.Tokens.Make(Tokens.Es256, 0).Text);
        if (status != 200) throw new InvalidOperationException($"The gateway answered {status}; see {world.Root}.");
        return new Started(process, port, ready, ready + TimeProvider.System.GetElapsedTime(answering));
    }

    private static string GatewayDirectory { get; } = Path.Combine(World.Repository, "gateway", "bin", "Release", "net10.0");

    /// <summary>Starts the gateway; answers when it is ready, and after how long it was.</summary>
    private async Task<(Process Process, TimeSpan Time)> StartGatewayAsync(int port, string prefix, int routes, bool logs, string? identityLifetime, IReadOnlyDictionary<string, string> environment)
    {
        var management = world.NextPort();
        var settings = Proxy(port, routes, policy: "default");
        settings["Management"] = new JsonObject { ["Url"] = $"http://127.0.0.1:{management}" };
        settings["Redis"] = new JsonObject { ["ConnectionString"] = $"127.0.0.1:{world.RedisPort}", ["KeyPrefix"] = prefix };
        settings["Gateway"] = new JsonObject
        {
            ["Issuers"] = new JsonArray(new JsonObject
            {
                ["Issuer"] = Tokens.Issuer,
                ["KeyFile"] = world.Tokens.KeySetFile,
                ["Audiences"] = new JsonArray(Tokens.Audience),
            }),
            ["Identity"] = new JsonObject { ["KeyEncryptionKeys"] = new JsonArray(_keyEncryptionKey), ["TokenLifetime"] = identityLifetime ?? "00:01:00" },
        };
        if (!logs) settings["Serilog"] = new JsonObject { ["MinimumLevel"] = "Warning" };
        var directory = world.Settings($"gateway-{port}", settings);
        var began = TimeProvider.System.GetTimestamp();
        var process = world.Start($"gateway-{port}", directory, "dotnet", [Path.Combine(GatewayDirectory, "Gateway.dll"), "--contentRoot", directory], environment);
        await world.AwaitAsync(new Uri($"http://127.0.0.1:{management}/healthz/ready"), process);
        return (process, TimeProvider.System.GetElapsedTime(began));
    }

    private async Task<Contender> ReadyAsync(Contender contender)
    {
        await World.AwaitListeningAsync(contender.Port, contender.Process);
        foreach (var probe in contender.Probes)
        {
            var status = await world.AskAsync(contender.Port, contender.Path, probe.Token);
            if (status != probe.Status) throw new InvalidOperationException($"{contender.Name} answered {status} to a token that is {probe.Name}, not {probe.Status}; see {world.Root}.");
        }

        return contender;
    }

    private IReadOnlyList<Probe> Probes(string algorithm, AccessToken revoked, int bad, int revokedStatus)
    {
        var good = world.Tokens.Make(algorithm, 0).Text;
        var other = world.Tokens.Make(algorithm, 1).Text;
        return
        [
            new("good", good, 200),
            new("of another's signature", good[..good.LastIndexOf('.')] + other[other.LastIndexOf('.')..], bad),
            new("expired", world.Tokens.Make(algorithm, 0, lifeSeconds: -60).Text, bad),
            new("revoked", revoked.Text, revokedStatus),
        ];
    }

    /// <summary>Each token and each route in turn.</summary>
    public string Requests(string algorithm, int tokens, int routes)
    {
        var file = Path.Combine(world.Root, $"requests-{algorithm}-{tokens}-{routes}");
        if (File.Exists(file)) return file;
        if (!_tokens.TryGetValue((algorithm, tokens), out var made))
            _tokens[(algorithm, tokens)] = made = [.. Enumerable.Range(0, tokens).Select(number => world.Tokens.Make(algorithm, number))];
        File.WriteAllLines(file, Enumerable.Range(0, Math.Max(tokens, routes)).Select(i => $"/r{i % routes}/bench {made[i % tokens].Text}"));
        return file;
    }

    private JsonObject Proxy(int port, int routes, string? policy)
    {
        var table = new JsonObject();
        for (var i = 0; i < routes; i++)
        {
            var route = new JsonObject { ["ClusterId"] = "backend", ["Match"] = new JsonObject { ["Path"] = $"/r{i}/{{**rest}}" } };
            if (policy is not null) route["AuthorizationPolicy"] = policy;
            table[$"r{i}"] = route;
        }

        return new JsonObject
        {
            ["Kestrel"] = new JsonObject { ["Endpoints"] = new JsonObject { ["Http"] = new JsonObject { ["Url"] = $"http://127.0.0.1:{port}" } } },
            ["ReverseProxy"] = new JsonObject
            {
                ["Routes"] = table,
                ["Clusters"] = new JsonObject
                {
                    ["backend"] = new JsonObject
                    {
                        ["Destinations"] = new JsonObject { ["1"] = new JsonObject { ["Address"] = $"http://127.0.0.1:{world.BackendPort}" } },
                    },
                },
            },
        };
    }

    /// <summary>Has a .NET process count what it allocates.</summary>
    private Dictionary<string, string> Environment() => new()
    {
        ["DOTNET_STARTUP_HOOKS"] = typeof(Contenders).Assembly.Location,
        [AllocationCounter.Directory] = world.Root,
    };
}
