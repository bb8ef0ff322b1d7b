using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Testing;

/// <summary>An issuer's discovery document and key set on a real socket: what it answers can be changed, counted and stopped.</summary>
public sealed class KeyServer : IAsyncDisposable
{
    private readonly PortLease _port = PortLease.Take();
    private WebApplication? _app;
    private int _keySetRequests;

    private KeyServer()
    {
    }

    /// <summary>The issuer and its authority.</summary>
    public string Issuer => $"http://127.0.0.1:{_port.Port}";

    /// <summary>What the discovery document says, if something else than the truth.</summary>
    public string? DiscoveryIssuer { get; set; }

    public string? JwksUri { get; set; }

    /// <summary>The whole answer instead of the key set.</summary>
    public string? KeySetText { get; set; }

    public int Status { get; set; } = StatusCodes.Status200OK;

    /// <summary>Answers of the key set wait for this.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public IReadOnlyList<SigningKey> Keys { get; set; } = [];

    public int KeySetRequests => Volatile.Read(ref _keySetRequests);

    /// <summary>A server that answers.</summary>
    public static async Task<KeyServer> StartAsync(params SigningKey[] keys)
    {
        var server = Stopped(keys);
        await server.StartAsync();
        return server;
    }

    /// <summary>A server that has its address and does not answer yet.</summary>
    public static KeyServer Stopped(params SigningKey[] keys) => new() { Keys = keys };

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, _port.Port));
        _app = builder.Build();
        _app.Run(AnswerAsync);
        await _app.StartAsync();
    }

    public async Task StopAsync()
    {
        if (_app is null) return;
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _app = null;
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _port.Dispose();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        context.Response.StatusCode = Status;
        if (context.Request.Path == "/.well-known/openid-configuration")
        {
            var discovery = new JsonObject { ["issuer"] = DiscoveryIssuer ?? Issuer, ["jwks_uri"] = JwksUri ?? $"{DiscoveryIssuer ?? Issuer}/jwks" };
            await context.Response.WriteAsync(discovery.ToJsonString());
        }
        else if (context.Request.Path == "/jwks")
        {
            Interlocked.Increment(ref _keySetRequests);
            await Gate;
            var keys = new JsonArray([.. Keys.Select(key => (JsonNode)key.Jwk())]);
            await context.Response.WriteAsync(KeySetText ?? new JsonObject { ["keys"] = keys }.ToJsonString());
        }
        else
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
        }
    }
}
