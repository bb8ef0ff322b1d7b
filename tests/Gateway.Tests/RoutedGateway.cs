using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Gateway.Authentication;
using Gateway.ForwardAuth;
using Gateway.Forwarding;
using Gateway.RateLimiting;
using Gateway.Routing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RevocationProtocol;
using ServiceHosting;
using Testing;

namespace Gateway.Tests;

/// <summary>
/// The gateway's routing and forwarding on real sockets in front of a <see cref="RecordingBackend"/>. Who the caller is comes
/// from <see cref="Callers"/>, by the text behind <c>Bearer</c>; how a real token is judged is tested elsewhere.
/// </summary>
internal sealed class RoutedGateway : IAsyncDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("routed-gateway-");
    private readonly WebApplication _app;

    private RoutedGateway(RecordingBackend backend, string configuration)
    {
        Backend = backend;
        WriteConfiguration(configuration);
        var files = TlsCertificate.Create(_directory.FullName);
        var certificate = X509Certificate2.CreateFromPemFile(files.CertificateFile, files.KeyFile);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection([new("Gateway:Identity:Issuer", IdentityIssuer)]);
        builder.Configuration.AddJsonFile(SettingsFile, optional: false, reloadOnChange: true);
        builder.Logging.ClearProviders().AddProvider(Logs);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate));
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddReverseProxy().LoadFromConfig(builder.Configuration.GetSection("ReverseProxy")).AddRoutePolicies().AddRateLimits().AddHeaderBoundary().AddForwardAuth();
        builder.Services.AddSingleton<TimeProvider>(Time);
        builder.Services.AddSingleton(IdentityKeys);
        _app = builder.Build();
        _app.Use(async (context, next) =>
        {
            await next(context);
            if (context.Response is { StatusCode: >= 400, HasStarted: false }) await ForwardingRefusals.CompleteAsync(context);
        });
        _app.UseRequestTargetRules();
        _app.UseRouting();
        _app.UseRouteCors();
        _app.Use(Authenticate);
        _app.UseRoutePolicies();
        _app.UseRateLimits();
        _app.MapVerify();
        _app.MapIdentityKeys();
        _app.MapGatewayRoutes();
        IdentityKeys.Replace(IdentityKey, [IdentityKey]);
    }

    /// <summary><c>iss</c> of identity tokens.</summary>
    public const string IdentityIssuer = "http://gateway.example";

    public RecordingBackend Backend { get; }

    public RecordedLogs Logs { get; } = new();

    public Dictionary<string, AuthenticatedCaller> Callers { get; } = new(StringComparer.Ordinal) { ["alice"] = Caller("alice") };

    public bool RevocationIsKnown { get; set; } = true;

    public int Port => Ports[0];

    public int Http2Port => Ports[1];

    public int TlsPort => Ports[2];

    public IdentityKey IdentityKey { get; } = IdentityKey.Generate(0);

    public IdentityKeySet IdentityKeys { get; } = new();

    /// <summary>The server's limits, as the gateway sets them.</summary>
    public KestrelServerLimits Limits => _app.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;

    /// <summary>The clock of identity tokens.</summary>
    public ShiftedTime Time { get; } = new();

    private string SettingsFile => Path.Combine(_directory.FullName, "appsettings.json");

    private int[] Ports => [.. _app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>()
        .Addresses.Select(address => new Uri(address).Port)];

    /// <summary>Starts a gateway with the text of an appsettings.json, in which BACKEND stands for the backend's address.</summary>
    public static async Task<RoutedGateway> StartAsync(string configuration, CancellationToken cancellationToken)
    {
        var backend = RecordingBackend.Start();
        var gateway = new RoutedGateway(backend, configuration);
        var problems = gateway._app.Services.GetServices<IConfigurationCheck>().SelectMany(check => check.FindProblems()).ToList();
        Assert.True(problems.Count == 0, string.Join(Environment.NewLine, problems));
        await gateway._app.StartAsync(cancellationToken);
        return gateway;
    }

    /// <summary>What the start of a gateway with this configuration would be stopped by.</summary>
    public static async Task<IReadOnlyList<string>> FindProblemsAsync(string configuration)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.AddJsonStream(new MemoryStream(Encoding.UTF8.GetBytes(configuration)));
        builder.Services.AddReverseProxy().LoadFromConfig(builder.Configuration.GetSection("ReverseProxy")).AddRoutePolicies().AddHeaderBoundary().AddForwardAuth();
        await using var app = builder.Build();
        var problems = app.Services.GetServices<IConfigurationCheck>().SelectMany(check => check.FindProblems()).ToList();
        // The checks and YARP itself must agree on whether the gateway may start.
        var start = Record.Exception(app.MapGatewayRoutes);
        if (configuration.Contains("\"Routes\"", StringComparison.Ordinal)) Assert.Equal(problems.Count > 0, start is not null);
        return problems;
    }

    public static AuthenticatedCaller Caller(
        string subject, object? claims = null, string? name = null, string[]? roles = null, string[]? scopes = null, bool isForeign = false) => new()
        {
            Issuer = "http://issuer.example",
            IsForeign = isForeign,
            ExpiresAt = DateTimeOffset.MaxValue,
            Revocable = new RevocableToken("http://issuer.example", subject, "sid-1", null, subject, "demo", 0),
            Subject = subject,
            Name = name,
            Roles = roles ?? [],
            Scopes = scopes ?? [],
            ClientId = "demo",
            SessionId = "sid-1",
            Claims = JsonSerializer.SerializeToElement(claims ?? new { sub = subject }),
        };

    /// <summary>Configuration with one backend cluster, some routes, and further members of <c>Gateway</c>.</summary>
    public static string Configuration(string routes, string gateway = "{}") => $$"""
        {
          "Gateway": {{gateway}},
          "ReverseProxy": {
            "Routes": {{routes}},
            "Clusters": {
              "backend": { "Destinations": { "1": { "Address": "BACKEND" } } },
              "auth-service": { "Destinations": { "1": { "Address": "BACKEND" } } }
            }
          }
        }
        """;

    public void WriteConfiguration(string configuration) =>
        File.WriteAllText(SettingsFile, configuration.Replace("BACKEND", Backend.Url, StringComparison.Ordinal));

    public Task<Http1Message> GetAsync(string target, params string[] headers) =>
        RawHttpClient.GetAsync(Port, target, TestContext.Current.CancellationToken, headers);

    public Task<Http1Message> SendAsync(string latin1) =>
        RawHttpClient.SendAsync(Port, latin1, TestContext.Current.CancellationToken);

    private Task Authenticate(HttpContext context, RequestDelegate next)
    {
        var authorization = context.Request.Headers.Authorization.ToString();
        var caller = authorization.StartsWith("Bearer ", StringComparison.Ordinal) ? Callers.GetValueOrDefault(authorization[7..]) : null;
        var outcome = caller?.FromHeader;
        if (context.Request.Headers.SecWebSocketProtocol.ToString().EndsWith("gateway.bearer.alice", StringComparison.Ordinal))
            outcome = Callers["alice"].FromWebSocketProtocol;
        if (caller is not null && !RevocationIsKnown) outcome = AuthenticationOutcome.RevocationUnknown(caller, TokenSource.AuthorizationHeader);
        context.Features.Set(outcome ?? AuthenticationOutcome.Missing);
        return next(context);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await Backend.DisposeAsync();
        _directory.Delete(recursive: true);
    }
}

/// <summary>The real clock, some time ahead.</summary>
internal sealed class ShiftedTime : TimeProvider
{
    private long _aheadTicks;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Volatile.Read(ref _aheadTicks));

    public void Advance(TimeSpan by) => Interlocked.Add(ref _aheadTicks, by.Ticks);
}
