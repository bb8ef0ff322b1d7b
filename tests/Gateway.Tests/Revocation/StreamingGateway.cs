using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Gateway.Authentication;
using Gateway.Revocation;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using RevocationProtocol;
using Yarp.ReverseProxy.Configuration;

namespace Gateway.Tests.Revocation;

/// <summary>
/// The watch over long requests on real sockets, between Kestrel and a bare TCP backend that says what a test tells it to.
/// The text behind <c>Bearer</c> is the caller's subject and session.
/// </summary>
internal sealed class StreamingGateway : IAsyncDisposable
{
    private const string Issuer = "http://issuer.example";

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly WebApplication _app;
    private readonly RevocationReplica _replica = new(TimeSpan.FromMinutes(5), TimeProvider.System);

    private StreamingGateway()
    {
        _listener.Start();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(_replica);
        builder.Services.AddRoutingCore();
        builder.Services.AddReverseProxy().AddLongRequests().LoadFromMemory(
            [new RouteConfig { RouteId = "all", ClusterId = "backend", Match = new RouteMatch { Path = "{**rest}" } }],
            [
                new ClusterConfig
                {
                    ClusterId = "backend",
                    Destinations = new Dictionary<string, DestinationConfig> { ["1"] = new() { Address = $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}" } },
                },
            ]);
        _app = builder.Build();
        _app.Use((context, next) =>
        {
            var session = context.Request.Headers.Authorization.ToString().Replace("Bearer ", "", StringComparison.Ordinal);
            context.Features.Set(Caller(session, ExpiresAt).FromHeader);
            return next(context);
        });
        _app.UseLongRequestWatch();
        _app.MapReverseProxy();
        _replica.Prove(TimeProvider.System.GetTimestamp());
    }

    /// <summary>What the backend does with a request whose head was read.</summary>
    public Func<string, NetworkStream, CancellationToken, Task> Serve { get; set; } = (_, stream, cancellation) => SendAsync(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", cancellation);

    public DateTimeOffset ExpiresAt { get; set; } = DateTimeOffset.MaxValue;

    public LongRequests LongRequests => _app.Services.GetRequiredService<LongRequests>();

    public Uri Address => Addresses[0];

    public Uri Http2Address => Addresses[1];

    private Uri[] Addresses => [.. _app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Select(address => new Uri(address))];

    public static async Task<StreamingGateway> StartAsync(CancellationToken cancellationToken)
    {
        var gateway = new StreamingGateway();
        _ = gateway.AcceptAsync();
        await gateway._app.StartAsync(cancellationToken);
        return gateway;
    }

    public static AuthenticatedCaller Caller(string session, DateTimeOffset expiresAt) => new()
    {
        Issuer = Issuer,
        IsForeign = false,
        ExpiresAt = expiresAt,
        Revocable = new RevocableToken(Issuer, session, session, null, session, "demo", 0),
        Subject = session,
        Roles = [],
        Scopes = [],
        SessionId = session,
        Claims = default,
    };

    public void Revoke(string session) =>
        _replica.Apply([new RevocationEntry(Issuer, RevocationKind.Sid, session, 0, null, TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeMilliseconds())]);

    public static async Task SendAsync(NetworkStream stream, string latin1, CancellationToken cancellationToken) =>
        await stream.WriteAsync(Encoding.Latin1.GetBytes(latin1), cancellationToken);

    /// <summary>Answers the handshake of a WebSocket (RFC 6455 section 4.2.2).</summary>
    public static Task AcceptWebSocketAsync(string head, NetworkStream stream, CancellationToken cancellationToken)
    {
        var key = head.Split("\r\n").Single(line => line.StartsWith("Sec-WebSocket-Key:", StringComparison.OrdinalIgnoreCase))[18..].Trim();
#pragma warning disable CA5350 // The protocol's own choice.
        var accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
        return SendAsync(stream, $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n", cancellationToken);
    }

    /// <summary>A frame of the server's: text, small.</summary>
    public static byte[] TextFrame(string text) => [0x81, (byte)text.Length, .. Encoding.ASCII.GetBytes(text)];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        using var now = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using var _ = client;
            client.NoDelay = true;
            var stream = client.GetStream();
            while (await ReadHeadAsync(stream) is { } head)
                await Serve(head, stream, _stop.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The gateway ended the connection, or the test is over.
        }
    }

    private async Task<string?> ReadHeadAsync(NetworkStream stream)
    {
        var head = new StringBuilder();
        var buffer = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(buffer, _stop.Token) == 0)
                return null;
            head.Append((char)buffer[0]);
        }
        return head.ToString();
    }
}
