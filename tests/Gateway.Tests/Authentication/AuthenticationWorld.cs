using System.Text.Json.Nodes;
using Gateway.Authentication;
using Gateway.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using RevocationProtocol;
using ServiceHosting;
using Testing;

namespace Gateway.Tests.Authentication;

/// <summary>The authentication of a gateway with real key servers, a clock that tests turn, and no pipeline around it.</summary>
internal sealed class AuthenticationWorld : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    public AuthenticationWorld(params (string Key, string? Value)[] settings)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create($"Gateway:{setting.Key}", setting.Value))).Build());
        services.AddSingleton<IHostEnvironment>(new HostEnvironment());
        services.AddSingleton<TimeProvider>(Time);
        services.AddSingleton(new RevocationReplica(TimeSpan.FromSeconds(30), RevocationTime));
        services.AddTokenAuthentication();
        _services = services.BuildServiceProvider();
        Revocations.Prove(RevocationTime.GetTimestamp());
    }

    public TestClock Time { get; } = new();

    /// <summary>The clock by which the revocation state ages: it is current until this is turned.</summary>
    public TestClock RevocationTime { get; } = new();

    public RevocationReplica Revocations => _services.GetRequiredService<RevocationReplica>();

    public IssuerRegistry Issuers => _services.GetRequiredService<IssuerRegistry>();

    public TokenCache Cache => _services.GetRequiredService<TokenCache>();

    public TokenValidator Validator => _services.GetRequiredService<TokenValidator>();

    public IReadinessCheck Readiness => _services.GetRequiredService<IReadinessCheck>();

    public IReadOnlyList<string> Problems => [.. _services.GetServices<IConfigurationCheck>().SelectMany(check => check.FindProblems())];

    /// <summary>A world whose own issuer is the server, with its keys loaded.</summary>
    public static async Task<AuthenticationWorld> StartAsync(KeyServer own, params (string Key, string? Value)[] settings)
    {
        var world = new AuthenticationWorld([("Issuers:0:Issuer", own.Issuer), ("Issuers:0:Authority", own.Issuer), .. settings]);
        Assert.Empty(world.Problems);
        foreach (var issuer in world.Issuers.All) await issuer.Keys.FetchAsync(TestContext.Current.CancellationToken);
        return world;
    }

    /// <summary>The settings of a foreign issuer.</summary>
    public static (string, string?)[] Foreign(KeyServer server, int number = 1) =>
    [
        ($"Issuers:{number}:Issuer", server.Issuer), ($"Issuers:{number}:Authority", server.Issuer),
        ($"Issuers:{number}:Audiences:0", "gateway"), ($"Issuers:{number}:SubjectPrefix", $"partner{number}:"),
    ];

    public string Token(SigningKey key, KeyServer issuer, Action<JsonObject>? payload = null, Action<JsonObject>? header = null) =>
        TokenForge.Token(key, issuer.Issuer, Time.GetUtcNow(), payload, header);

    public async Task<AuthenticationOutcome> AuthenticateAsync(string token)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Authorization = $"Bearer {token}";
        return await Validator.AuthenticateAsync(BearerToken.Find(context), TestContext.Current.CancellationToken);
    }

    public async Task AcceptsAsync(string token) => Assert.Null((await AuthenticateAsync(token)).Refusal?.Code);

    public async Task RefusesAsync(string token, Reason reason)
    {
        var outcome = await AuthenticateAsync(token);
        Assert.Equal(reason.Code, outcome.Refusal?.Code);
        Assert.Null(outcome.Caller);
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    private sealed class HostEnvironment : IHostEnvironment
    {
        public string EnvironmentName { get; set; } = Environments.Production;

        public string ApplicationName { get; set; } = "gateway";

        public string ContentRootPath { get; set; } = AppContext.BaseDirectory;

        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }
}

/// <summary>A clock that stands until it is turned.</summary>
internal sealed class TestClock : TimeProvider
{
    private long _ticks = new DateTime(2026, 11, 22, 12, 0, 0, DateTimeKind.Utc).Ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => new(Volatile.Read(ref _ticks), TimeSpan.Zero);

    public override long GetTimestamp() => Volatile.Read(ref _ticks);

    public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);
}
