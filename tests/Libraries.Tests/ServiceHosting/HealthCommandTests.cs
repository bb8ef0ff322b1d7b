using Microsoft.Extensions.DependencyInjection;
using ServiceHosting;

namespace Libraries.Tests.ServiceHosting;

public sealed class HealthCommandTests
{
    [Fact]
    public async Task Exit_code_says_whether_the_running_service_is_ready()
    {
        var check = new Check();
        await using var service = await HostedService.StartAsync(builder => builder.Services.AddSingleton<IReadinessCheck>(check), null);

        Assert.Equal(0, await AskAsync($"http://127.0.0.1:{service.ManagementPort}"));
        Assert.Equal(0, await AskAsync($"http://*:{service.ManagementPort}"));
        check.NotReadyReason = "away";
        Assert.Equal(1, await AskAsync($"http://127.0.0.1:{service.ManagementPort}"));
        await service.App.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, await AskAsync($"http://127.0.0.1:{service.ManagementPort}"));
    }

    private static Task<int> AskAsync(string url) =>
        ServiceHost.RunAsync(HostedService.Description, ["health", "--Management:Url", url], _ => { }, _ => { });

    private sealed class Check : IReadinessCheck
    {
        public string Name => "sample";

        public string? NotReadyReason { get; set; }
    }
}
