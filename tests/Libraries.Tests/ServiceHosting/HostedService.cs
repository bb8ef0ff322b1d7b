using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ServiceHosting;
using ServiceHosting.Management;
using Testing;

namespace Libraries.Tests.ServiceHosting;

/// <summary>A small service on <see cref="ServiceHost"/>, on real sockets.</summary>
internal sealed class HostedService : IAsyncDisposable
{
    public static readonly ServiceDescription Description = new() { Name = "sample", DefaultManagementUrl = "http://127.0.0.1:0", ShutdownDelayKey = "Sample:ShutdownDelay" };

    private HostedService(WebApplication app, RecordedLogs logs) => (App, Logs) = (app, logs);

    public WebApplication App { get; }

    public RecordedLogs Logs { get; }

    public int ManagementPort => App.Services.GetRequiredService<ManagementListener>().EndPoint!.Port;

    public int PublicPort => App.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>()
        .Addresses.Select(address => new Uri(address).Port).Single(port => port != ManagementPort);

    public static WebApplication Build(Action<WebApplicationBuilder>? services, Action<WebApplication>? pipeline, params string[] args) =>
        ServiceHost.Build(Description, ["--Kestrel:Endpoints:Http:Url", "http://127.0.0.1:0", .. args], services ?? (_ => { }), pipeline ?? (_ => { }));

    public static async Task<HostedService> StartAsync(Action<WebApplicationBuilder>? services, Action<WebApplication>? pipeline, params string[] args)
    {
        var logs = new RecordedLogs();
        var app = Build(
            builder =>
            {
                builder.Logging.ClearProviders().AddProvider(logs);
                services?.Invoke(builder);
            }, pipeline, args);
        await app.StartAsync();
        return new HostedService(app, logs);
    }

    public static Task<Http1Message> GetAsync(int port, string target, params string[] headers) =>
        RawHttpClient.GetAsync(port, target, TestContext.Current.CancellationToken, headers);

    public ValueTask DisposeAsync() => App.DisposeAsync();
}
