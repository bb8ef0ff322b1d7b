using System.Security.Cryptography;
using System.Text.Json;

namespace Testing;

/// <summary>What a sign-in gave.</summary>
public sealed record TokenPair(string Access, string Refresh);

/// <summary>
/// The whole system as processes of their own, on free ports: redis-server, auth-service, sample-backend and gateways, with
/// the environment that deploy/local/up.sh gives them. Killed and removed at dispose.
/// </summary>
public sealed class Stack : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("stack-");
    private readonly List<PortLease> _leases = [];
    private readonly StackOptions _options;
    private readonly List<ServiceProcess> _gateways = [];
    private readonly List<ServiceProcess> _authServices = [];
    private readonly Dictionary<ServiceProcess, TcpProxy> _redisProxies = [];

    private Stack(StackOptions options)
    {
        _options = options;
        Redis = new RedisFixture { AppendOnly = options.RedisAppendOnly };
        Database = options.Database ?? $"Data Source={Path.Combine(_directory.FullName, "users.db")}";
    }

    public RedisFixture Redis { get; }

    public string Database { get; }

    /// <summary>The key that wraps every private key of the auth-service at rest.</summary>
    public string KeyEncryptionKey { get; } = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    /// <summary>The key that seals the keys of identity tokens, which the gateways share in Redis.</summary>
    public string IdentityKeyEncryptionKey { get; } = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    public ServiceProcess AuthService => _authServices[0];

    public IReadOnlyList<ServiceProcess> AuthServices => _authServices;

    public ServiceProcess SampleBackend { get; private set; } = null!;

    public ServiceProcess Gateway => _gateways[0];

    public IReadOnlyList<ServiceProcess> Gateways => _gateways;

    public IEnumerable<ServiceProcess> Services => [.. _authServices, SampleBackend, .. _gateways];

    /// <summary>The public address: gateway 0, and the issuer of the tokens.</summary>
    public Uri Address => Gateway.Address;

    /// <summary>A client of gateway 0 that follows no redirect and keeps no cookie.</summary>
    public HttpClient Client { get; private set; } = null!;

    /// <summary>The network between a service and Redis, where the stack was asked for some.</summary>
    public TcpProxy RedisProxyOf(ServiceProcess service) => _redisProxies[service];

    /// <summary>Starts everything at once and returns when all of it is ready.</summary>
    public static async Task<Stack> StartAsync(StackOptions? options = null, CancellationToken cancellationToken = default)
    {
        var stack = await CreateAsync(options);
        try
        {
            foreach (var service in stack.Services) service.Launch();
            await Task.WhenAll(stack.Services.Select(service => service.ReadyAsync(cancellationToken)));
            return stack;
        }
        catch
        {
            await stack.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts Redis and lays out the services, which the caller starts.</summary>
    public static async Task<Stack> CreateAsync(StackOptions? options = null)
    {
        var stack = new Stack(options ?? new StackOptions());
        await stack.Redis.StartAsync();
        stack.LayOut();
        return stack;
    }

    /// <summary>A client of its own, such as for another gateway.</summary>
    public static HttpClient NewClient(Uri address) =>
        new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false }) { BaseAddress = address };

    /// <summary>Signs one of the seeded users in, through gateway 0.</summary>
    public async Task<TokenPair> SignInAsync(string userName = "alice", string? password = null, CancellationToken cancellationToken = default)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new { username = userName, password = password ?? $"{userName}-password-1" });
        using var content = new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } };
        using var response = await Client.PostAsync("/api/token/", content, cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        if (!response.IsSuccessStatusCode) throw new InvalidOperationException($"Sign-in of {userName}: {(int)response.StatusCode} {text}");
        using var json = JsonDocument.Parse(text);
        return new TokenPair(json.RootElement.GetProperty("access").GetString()!, json.RootElement.GetProperty("refresh").GetString()!);
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        foreach (var service in _gateways.Concat(_authServices)) await service.DisposeAsync();
        if (SampleBackend is { } backend) await backend.DisposeAsync();
        foreach (var proxy in _redisProxies.Values) await proxy.DisposeAsync();
        await Redis.DisposeAsync();
        _leases.ForEach(lease => lease.Dispose());
        _directory.Delete(recursive: true);
    }

    private void LayOut()
    {
        var certificate = TlsCertificate.Create(_directory.FullName);
        var issuer = NewAddress();
        for (var i = 0; i < _options.AuthServices; i++)
        {
            var management = NewAddress();
            var address = NewAddress();
            _authServices.Add(Service($"auth-service-{i}", "auth-service", "AuthService", address, new Uri(management, "/healthz/ready"), _options.AuthServiceEnvironment, new()
            {
                ["Management__Url"] = Text(management),
                ["AuthService__Issuer"] = Text(issuer),
                ["AuthService__KeyEncryptionKeys__0"] = KeyEncryptionKey,
                ["ConnectionStrings__Users"] = Database,
            }));
        }

        var backend = NewAddress();
        SampleBackend = Service("sample-backend", "sample-backend", "SampleBackend", backend, new Uri(backend, "/public/ping"), _options.SampleBackendEnvironment, new()
        {
            ["ForwardedIdentity__Gateway"] = Text(issuer),
            ["ForwardedIdentity__ClientSecret"] = "sample-backend-secret-1",
        });
        for (var i = 0; i < _options.Gateways; i++) _gateways.Add(LayOutGateway(i, i == 0 ? issuer : NewAddress(), issuer, certificate));
        Client = NewClient(issuer);
    }

    private ServiceProcess LayOutGateway(int number, Uri address, Uri issuer, TlsCertificate certificate)
    {
        var management = NewAddress();
        var environment = new Dictionary<string, string>
        {
            ["Kestrel__Endpoints__Http2__Url"] = Text(NewAddress()),
            ["Kestrel__Endpoints__Http2__Protocols"] = "Http2",
            ["Kestrel__Endpoints__Https__Url"] = Text(NewAddress()).Replace("http:", "https:", StringComparison.Ordinal),
            ["Kestrel__Endpoints__Https__Certificate__Path"] = certificate.CertificateFile,
            ["Kestrel__Endpoints__Https__Certificate__KeyPath"] = certificate.KeyFile,
            ["Management__Url"] = Text(management),
            ["Gateway__Issuers__0__Issuer"] = Text(issuer),
            ["Gateway__Issuers__0__Authority"] = Text(AuthService.Address),
            ["Gateway__Identity__KeyEncryptionKeys__0"] = IdentityKeyEncryptionKey,
            ["ReverseProxy__Clusters__sample-backend__Destinations__1__Address"] = Text(SampleBackend.Address),
        };
        for (var i = 0; i < _authServices.Count; i++)
        {
            environment[$"ReverseProxy__Clusters__auth-service__Destinations__{i + 1}__Address"] = Text(_authServices[i].Address);
            // Asked only where health checks are on.
            environment[$"ReverseProxy__Clusters__auth-service__Destinations__{i + 1}__Health"] = Text(_authServices[i].Readiness);
        }

        return Service($"gateway-{number}", "gateway", "Gateway", address, new Uri(management, "/healthz/ready"), _options.GatewayEnvironment, environment);
    }

    private ServiceProcess Service(
        string name, string project, string assembly, Uri address, Uri readiness, IReadOnlyDictionary<string, string> chosen, Dictionary<string, string> environment)
    {
        environment["DOTNET_ENVIRONMENT"] = environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        environment["Kestrel__Endpoints__Http__Url"] = Text(address);
        var proxy = _options.RedisProxies ? new TcpProxy(Redis.Port) : null;
        environment["Redis__ConnectionString"] = proxy?.Endpoint ?? (_options.SecondRedis is { } second ? $"{Redis.Endpoint},{second}" : Redis.Endpoint);
        foreach (var (key, value) in _options.Environment.Concat(chosen)) environment[key] = value;
        var service = new ServiceProcess(name, project, assembly, Path.Combine(_directory.FullName, name + ".log"), address, readiness, environment);
        if (proxy is not null) _redisProxies.Add(service, proxy);
        return service;
    }

    private Uri NewAddress()
    {
        var lease = PortLease.Take();
        _leases.Add(lease);
        return new Uri($"http://127.0.0.1:{lease.Port}");
    }

    private static string Text(Uri address) => address.GetLeftPart(UriPartial.Authority);
}
