using Gateway.Revocation;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using RevocationProtocol;
using Testing;

namespace Gateway.Tests.Revocation;

public sealed class InstrumentTests
{
    private static readonly string[] Meters = ["Gateway.Revocation", "RevocationProtocol"];

    [Fact]
    public async Task Instruments_of_the_gateway_are_those_documented_and_are_exported()
    {
        using var instruments = new Instruments(Meters);
        var replica = new RevocationReplica(TimeSpan.FromSeconds(30), TimeProvider.System);
        var services = new ServiceCollection().AddLogging().AddMetrics().AddOptions().AddSingleton(TimeProvider.System).AddSingleton(replica)
            .AddSingleton<LongRequests>();
        await using var provider = services.BuildServiceProvider();
        provider.GetRequiredService<LongRequests>();
        await using var redis = new RedisConnection("127.0.0.1:1", TimeProvider.System);
        using var reader = new RevocationReader(redis, new RevocationKeys("gw:"), replica, "gateway", NullLogger<RevocationReader>.Instance, TimeProvider.System);

        var documented = Instruments.Documented("deploy/docs/revocation.md", Meters);
        Assert.NotEmpty(documented);
        Assert.Equal(documented, instruments.Published);
        Assert.Equal(Meters, Program.Service.TelemetrySources.Order(StringComparer.Ordinal).Intersect(Meters));
    }
}
