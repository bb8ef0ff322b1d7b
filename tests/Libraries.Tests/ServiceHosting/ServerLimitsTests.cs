using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using ServiceHosting;
using Testing;

namespace Libraries.Tests.ServiceHosting;

/// <summary>What the server refuses, as <c>Kestrel:Limits</c> sets it.</summary>
public sealed class ServerLimitsTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Limits_come_from_the_configuration_and_win_over_what_the_service_sets()
    {
        await using var app = HostedService.Build(
            builder => builder.Services.Configure<KestrelServerOptions>(kestrel => (kestrel.Limits.MaxRequestBodySize, kestrel.Limits.MaxRequestHeaderCount) = (1, 2)),
            pipeline: null,
            Setting("MaxConcurrentConnections", "7"), Setting("MaxRequestBodySize", "3000"), Setting("KeepAliveTimeout", "00:00:17"), Setting("RequestHeadersTimeout", "00:00:05"),
            Setting("Http2:MaxStreamsPerConnection", "11"), Setting("MinRequestBodyDataRate:BytesPerSecond", "100"), Setting("MinRequestBodyDataRate:GracePeriod", "00:00:03"));

        var limits = app.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;
        Assert.Equal((7, 3000), (limits.MaxConcurrentConnections, limits.MaxRequestBodySize));
        Assert.Equal((TimeSpan.FromSeconds(17), TimeSpan.FromSeconds(5)), (limits.KeepAliveTimeout, limits.RequestHeadersTimeout));
        Assert.Equal((11, 100.0, TimeSpan.FromSeconds(3)), (limits.Http2.MaxStreamsPerConnection, limits.MinRequestBodyDataRate!.BytesPerSecond, limits.MinRequestBodyDataRate.GracePeriod));
        // What is not configured stays as the service or the server has it.
        Assert.Equal((2, 240.0), (limits.MaxRequestHeaderCount, limits.MinResponseDataRate!.BytesPerSecond));
    }

    [Fact]
    public void Every_faulty_limit_stops_the_start_by_its_name()
    {
        var fault = Assert.Throws<ConfigurationException>(() => HostedService.Build(null, null,
            Setting("MaxConcurentConnections", "7"), Setting("MaxConcurrentConnections", "0"), Setting("RequestHeadersTimeout", "soon"),
            Setting("Http2:MaxStreamsPerConnection", "-1"), Setting("MinRequestBodyDataRate:BytesPerSecond", "100")));

        string[] keys = ["MaxConcurentConnections: there is no such setting", "MaxConcurrentConnections:", "RequestHeadersTimeout:", "Http2:MaxStreamsPerConnection:", "MinRequestBodyDataRate:"];
        Assert.All(keys, key => Assert.Contains(fault.Problems, problem => problem.StartsWith($"Kestrel:Limits:{key}", StringComparison.Ordinal)));
        Assert.Equal(keys.Length, fault.Problems.Count);
    }

    [Fact]
    public async Task Headers_that_do_not_end_are_408()
    {
        await using var service = await StartAsync(Setting("RequestHeadersTimeout", "00:00:01"));
        using var connection = await ConnectAsync(service);

        await connection.SendAsync("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", Cancellation);

        Assert.Equal(408, (await connection.ReadAsync(Deadline, Cancellation))!.Status);
    }

    [Fact]
    public async Task Connection_that_asks_nothing_is_closed()
    {
        await using var service = await StartAsync(Setting("KeepAliveTimeout", "00:00:01"));
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", service.PublicPort, Cancellation);

        // The end of the stream, not an answer; the test's own deadline ends a wait for nothing.
        Assert.Equal(0, await client.GetStream().ReadAsync(new byte[1], Cancellation).AsTask().WaitAsync(Deadline, Cancellation));
    }

    [Fact]
    public async Task Body_slower_than_the_least_rate_is_408()
    {
        await using var service = await StartAsync(Setting("MinRequestBodyDataRate:BytesPerSecond", "1000"), Setting("MinRequestBodyDataRate:GracePeriod", "00:00:02"));
        using var connection = await ConnectAsync(service);

        await connection.SendAsync("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc", Cancellation);

        Assert.Equal(408, (await connection.ReadAsync(Deadline, Cancellation))!.Status);
    }

    [Fact]
    public async Task Connections_beyond_the_maximum_are_closed_until_one_goes_and_the_management_port_counts_apart()
    {
        await using var service = await StartAsync(Setting("MaxConcurrentConnections", "3"));
        var open = new List<RawConnection>();
        for (var i = 0; i < 3; i++)
        {
            open.Add(await ConnectAsync(service));
            await open[i].SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n", Cancellation);
            Assert.Equal(200, (await open[i].ReadAsync(Deadline, Cancellation))!.Status);
        }

        Assert.Null(await AskAsync(service));
        Assert.Equal(200, (await HostedService.GetAsync(service.ManagementPort, "/healthz/ready")).Status);
        // Those who are in are served on.
        await open[1].SendAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n", Cancellation);
        Assert.Equal(200, (await open[1].ReadAsync(Deadline, Cancellation))!.Status);

        open[0].Dispose();
        await Eventually.TrueAsync(async () => (await AskAsync(service))?.Status == 200, "the place is free again", Cancellation);
        open.ForEach(connection => connection.Dispose());
    }

    private static string Setting(string name, string value) => $"--Kestrel:Limits:{name}={value}";

    private static Task<HostedService> StartAsync(params string[] limits) => HostedService.StartAsync(
        null,
        app => app.Run(async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
            await context.Response.WriteAsync("ok", context.RequestAborted);
        }),
        limits);

    private static Task<RawConnection> ConnectAsync(HostedService service) => RawConnection.ConnectAsync(Address(service), Cancellation);

    private static Task<Http1Message?> AskAsync(HostedService service) =>
        RawConnection.AskAsync(Address(service), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", Deadline, Cancellation);

    private static Uri Address(HostedService service) => new($"http://127.0.0.1:{service.PublicPort}");
}
