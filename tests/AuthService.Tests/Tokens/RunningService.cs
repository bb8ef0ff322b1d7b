using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using AuthService.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using ServiceHosting;
using Testing;

namespace AuthService.Tests.Tokens;

/// <summary>The whole service in this process, over real sockets, with a Redis and a database of its own: a file.</summary>
public class RunningService : IAsyncLifetime
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("auth-service-");
    private readonly List<WebApplication> _replicas = [];
    private readonly List<PortLease> _ports = [];

    /// <summary>Persistent, so that a restart loses no session.</summary>
    internal RedisFixture Redis { get; init; } = new() { AppendOnly = true };

    /// <summary>Used instead of <see cref="Redis"/> if there is one; the service does not dispose it.</summary>
    internal RedisClusterFixture? Cluster { get; init; }

    /// <summary>Further settings, <c>Section:Name=value</c>.</summary>
    internal IReadOnlyList<string> Settings { get; init; } = [];

    /// <summary>Replaces services of the composition.</summary>
    internal Action<IServiceCollection> Adjust { get; init; } = _ => { };

    internal DatabaseSwitch Database { get; } = new();

    internal HttpClient Client { get; private set; } = null!;

    internal IServiceProvider Services => _replicas[0].Services;

    private string _connectionString = "";

    public async ValueTask InitializeAsync()
    {
        _connectionString = await CreateDatabaseAsync();
        if (Cluster is null) await Redis.StartAsync();
        await StartReplicaAsync();
        Client = NewClient();
        await ReadyAsync();
    }

    /// <summary>Makes an empty database.</summary>
    protected virtual Task<string> CreateDatabaseAsync() => Task.FromResult($"Data Source={Path.Combine(_directory.FullName, "users.db")}");

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        Client?.Dispose();
        foreach (var replica in _replicas) await replica.DisposeAsync();
        _ports.ForEach(port => port.Dispose());
        await Redis.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    /// <summary>Starts one more replica on the same database and Redis.</summary>
    internal async Task<WebApplication> StartReplicaAsync()
    {
        var ports = PortLease.TakeBlock(0, 1);
        string[] args =
        [
            "--environment=Development", $"--Kestrel:Endpoints:Http:Url=http://127.0.0.1:{ports[0].Port}", $"--Management:Url=http://127.0.0.1:{ports[1].Port}",
            "--AuthService:Issuer=http://issuer.test", $"--ConnectionStrings:Users={_connectionString}", $"--Redis:ConnectionString={Cluster?.Endpoints ?? Redis.Endpoint}",
            "--AuthService:TrustedProxies:0=127.0.0.1", "--Serilog:MinimumLevel:Default=Error", .. Settings.Select(setting => "--" + setting),
        ];
        var replica = ServiceHost.Build(Program.Service, args, AddServices, Program.UsePipeline);
        await replica.StartAsync(TestContext.Current.CancellationToken);
        lock (_replicas)
        {
            _replicas.Add(replica);
            _ports.AddRange(ports);
        }

        return replica;
    }

    private HttpClient NewClient() =>
        new() { BaseAddress = new Uri($"http://127.0.0.1:{_ports[0].Port}"), Timeout = TimeSpan.FromSeconds(20) };

    /// <summary>The status of a refresh, once the service can answer it.</summary>
    internal async Task<int> RefreshStatusOnceAvailableAsync(string refresh)
    {
        var status = 0;
        await Eventually.TrueAsync(async () => (status = await RefreshStatusAsync(refresh)) != 503, "the service answers", TestContext.Current.CancellationToken);
        return status;
    }

    /// <summary>Waits until every readiness check agrees.</summary>
    internal Task ReadyAsync() => Eventually.TrueAsync(
        () => Services.GetServices<IReadinessCheck>().All(check => check.NotReadyReason is null), "the service is ready", TestContext.Current.CancellationToken);

    internal Task<HttpResponseMessage> PostAsync(string path, object body) =>
        Client.PostAsJsonAsync(path, body, TestContext.Current.CancellationToken);

    internal Task<HttpResponseMessage> PostTextAsync(string path, string body, string? mediaType = "application/json")
    {
        var content = new ByteArrayContent(Encoding.Latin1.GetBytes(body));
        if (mediaType is not null) content.Headers.TryAddWithoutValidation("Content-Type", mediaType);
        return Client.PostAsync(path, content, TestContext.Current.CancellationToken);
    }

    internal async Task<Pair> SignInAsync(string user = "alice") =>
        await ReadAsync(await PostAsync("/api/token/", new { username = user, password = $"{user}-password-1" }));

    /// <summary>Refreshes and expects success.</summary>
    internal async Task<Pair> RefreshAsync(string refresh) => await ReadAsync(await PostAsync("/api/token/refresh/", new { refresh }));

    internal async Task<int> RefreshStatusAsync(string refresh) => (int)(await PostAsync("/api/token/refresh/", new { refresh })).StatusCode;

    internal async Task<int> VerifyStatusAsync(string token) => (int)(await PostAsync("/api/token/verify/", new { token })).StatusCode;

    internal async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? access)
    {
        using var request = new HttpRequestMessage(method, path);
        if (access is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", access);
        return await Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private void AddServices(WebApplicationBuilder builder)
    {
        Program.AddServices(builder);
        Database.Install(builder.Services);
        Adjust(builder.Services);
    }

    internal static async Task<JsonElement> JsonAsync(HttpResponseMessage response) =>
        JsonDocument.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;

    /// <summary>Changes the database behind the service's back.</summary>
    internal async Task InDatabaseAsync(Func<UsersDbContext, Task> change)
    {
        await using var database = await Services.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
        await change(database);
        await database.SaveChangesAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<Pair> ReadAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode}: {text}");
        var json = JsonDocument.Parse(text).RootElement;
        return new Pair(json.GetProperty("access").GetString()!, json.GetProperty("refresh").GetString()!);
    }

    internal sealed record Pair(string Access, string Refresh)
    {
        public JsonElement Claims => JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(Access.Split('.')[1])).RootElement;

        public string Sid => Claims.GetProperty("sid").GetString()!;
    }
}

/// <summary>The same with a database of PostgreSQL.</summary>
public sealed class RunningServiceOnPostgreSql : RunningService
{
    private readonly Users.Databases _databases;

    public RunningServiceOnPostgreSql(Users.Databases databases)
    {
        _databases = databases;
        Settings = [$"AuthService:KeyEncryptionKeys:0={KeyEncryption.KeyEncryptionKeyRing.NewKey()}"];
    }

    protected override Task<string> CreateDatabaseAsync() => _databases.CreateAsync(Users.Databases.PostgreSql);
}
