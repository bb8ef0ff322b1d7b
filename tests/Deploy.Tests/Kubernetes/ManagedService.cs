using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using ServiceHosting;
using ServiceHosting.Management;
using Testing;

namespace Deploy.Tests.Kubernetes;

/// <summary>A service with nothing but what all have, to ask its management port.</summary>
internal sealed class ManagedService : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ManagedService(WebApplication app) => _app = app;

    public static async Task<ManagedService> StartAsync()
    {
        var app = ServiceHost.Build(
            new ServiceDescription { Name = "sample", DefaultManagementUrl = "http://127.0.0.1:0" }, ["--Kestrel:Endpoints:Http:Url", "http://127.0.0.1:0"], _ => { }, _ => { });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new ManagedService(app);
    }

    public async Task<int> GetAsync(string path) =>
        (await RawHttpClient.GetAsync(_app.Services.GetRequiredService<ManagementListener>().EndPoint!.Port, path, TestContext.Current.CancellationToken)).Status;

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
