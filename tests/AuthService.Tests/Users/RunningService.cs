using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using ServiceHosting;
using Testing;

namespace AuthService.Tests.Users;

/// <summary>The whole service, composed by its own Program, on real Kestrel with a real Redis and SQLite.</summary>
internal sealed class RunningService : IAsyncDisposable
{
    private readonly RedisFixture _redis;
    private readonly WebApplication _app;

    private RunningService(RedisFixture redis, WebApplication app, HttpClient http)
    {
        _redis = redis;
        _app = app;
        Http = http;
    }

    public HttpClient Http { get; }

    public IServiceProvider Services => _app.Services;

    public static async Task<RunningService> StartAsync(string connectionString, params string[] settings)
    {
        var redis = new RedisFixture();
        await redis.StartAsync();
        var app = ServiceHost.Build(
            Program.Service,
            [
                "--environment=Development", $"--ConnectionStrings:Users={connectionString}", $"--AuthService:Issuer={Replica.Issuer}",
                $"--Redis:ConnectionString={redis.Endpoint}", "--Kestrel:Endpoints:Http:Url=http://127.0.0.1:0", "--Management:Url=http://127.0.0.1:0",
                "--AuthService:RegistrationEnabled=true", "--Serilog:MinimumLevel:Default=Error", .. settings,
            ],
            Program.AddServices, Program.UsePipeline);
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var http = new HttpClient();
        foreach (var address in app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses)
        {
            // The management listener has no such path.
            using var answer = await http.GetAsync(new Uri(address + "/.well-known/jwks.json"), TestContext.Current.CancellationToken);
            if (answer.IsSuccessStatusCode) return await ReadyAsync(new RunningService(redis, app, new HttpClient { BaseAddress = new Uri(address) }));
        }
        throw new InvalidOperationException("The service answers on none of its addresses.");
    }

    public async Task<(int Status, JsonElement Body)> SendAsync(HttpMethod method, string path, object? body = null, string? bearer = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null) request.Content = JsonContent.Create(body);
        if (bearer is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        using var answer = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        if ((int)answer.StatusCode == 401) Assert.StartsWith("Bearer", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        return ((int)answer.StatusCode, text.Length == 0 ? default : JsonDocument.Parse(text).RootElement);
    }

    public async Task<(string Access, string Refresh)> SignInAsync(string userName, string password)
    {
        JsonElement body = default;
        // A busy machine may keep Redis or the database waiting for too long: 503 says to ask again.
        await Eventually.TrueAsync(
            async () =>
            {
                (var status, body) = await SendAsync(HttpMethod.Post, "/api/token/", new { username = userName, password });
                Assert.True(status is 200 or 503, $"{userName} is not signed in: {status} {body}");
                return status == 200;
            },
            "sign-in is possible",
            TestContext.Current.CancellationToken);
        return (body.GetProperty("access").GetString()!, body.GetProperty("refresh").GetString()!);
    }

    public async Task<int> RefreshAsync(string refresh) => (await SendAsync(HttpMethod.Post, "/api/token/refresh/", new { refresh })).Status;

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        await _redis.DisposeAsync();
    }

    private static async Task<RunningService> ReadyAsync(RunningService service)
    {
        string Reasons() => string.Join(" ", service.Services.GetServices<IReadinessCheck>().Select(check => check.NotReadyReason).Where(reason => reason is not null));
        await Eventually.TrueAsync(_ => Task.FromResult(Reasons().Length == 0), TimeSpan.FromSeconds(15), Reasons, TestContext.Current.CancellationToken);
        return service;
    }
}
