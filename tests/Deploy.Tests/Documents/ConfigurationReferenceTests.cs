using System.Text;
using Deploy.Tests.Docker;
using Deploy.Tests.Kubernetes;
using Testing;

namespace Deploy.Tests.Documents;

public sealed class ConfigurationReferenceTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public Task Reference_is_what_the_options_say() => GeneratedDocument.CompareOrWriteAsync("deploy/docs/configuration.md", Write(), Cancellation);

    [Fact]
    public void Every_setting_is_explained()
    {
        var settings = Settings.All.SelectMany(section => section.Settings.Select(setting => (section, setting))).ToList();
        Assert.True(settings.Count > 50);
        // A definition may explain its members together.
        Assert.Empty(settings.Where(pair => pair.setting.Says is null && pair.section.Says is null).Select(pair => pair.setting.Key));
        Assert.Empty(Settings.All.GroupBy(section => section.Name).Where(group => group.Count() > 1).Select(group => group.Key));
        Assert.Empty(Settings.OfRoutes.Concat(Settings.OfClusters).Where(setting => setting.Says is null).Select(setting => setting.Key));
        Assert.Equal(Gateway.Routing.RouteMetadata.Known.Order(StringComparer.Ordinal), Settings.OfRoutes.Select(setting => setting.Key));
        Assert.Equal(Gateway.Forwarding.ClusterMetadata.Known.Order(StringComparer.Ordinal), Settings.OfClusters.Select(setting => setting.Key));
    }

    [Theory]
    [MemberData(nameof(Overlay.Names), MemberType = typeof(Overlay))]
    public async Task Every_setting_in_an_overlay_is_one_of_them(string name)
    {
        var overlay = await Overlay.ReadAsync(name);
        var keys = new HashSet<string>();
        foreach (var container in overlay.OwnContainers)
        {
            using var provided = overlay.Provide(container);
            keys.UnionWith(provided.Keys);
        }

        Assert.True(keys.Count > 20);
        Assert.DoesNotContain(keys, key => !Settings.Knows(key));
    }

    [Fact]
    public async Task Every_setting_of_compose_and_images_is_one_of_them()
    {
        var yaml = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "deploy", "docker", "compose.yaml"), Cancellation);
        var services = (await NodeProgram.RunAsync("parse.mjs", yaml, Cancellation))["services"]!.AsObject();
        var keys = services.Where(service => Service.OfImage((string)service.Value!["image"]!) is not null).SelectMany(service => service.Value!["environment"]!.AsObject().Select(variable => variable.Key))
            .Concat(Service.All.SelectMany(service => Dockerfile.Read(service).Environment.Keys)).Select(key => key.Replace("__", ":", StringComparison.Ordinal)).ToHashSet();
        Assert.True(keys.Count > 10);
        Assert.DoesNotContain(keys, key => !Settings.Knows(key));
    }

    [Theory]
    [InlineData("Redis:ConectionString", false)]
    [InlineData("Gateway:Issuers:0:Audiences:1", true)]
    [InlineData("Gateway:Issuers:zero:Audiences:1", false)]
    [InlineData("Gateway:Policies:orders.read:Scopes:0", true)]
    [InlineData("AuthService:KeyEncryptionKeys:0", true)]
    public void Misspelt_setting_is_none_of_them(string key, bool known) => Assert.Equal(known, Settings.Knows(key));

    private static StringBuilder Write()
    {
        var text = new StringBuilder("""
            # Configuration

            Written by `deploy/docs/generate.sh` from the documentation in the code; a test holds the two together.

            Settings are ASP.NET Core's: `appsettings.json` beside the program, then `appsettings.{Environment}.json`, then the directories
            `SETTINGS_DIRECTORY` and `SECRETS_DIRECTORY`, then the environment (`__` for `:`), then the command line (`--Gateway:ShutdownDelay 00:00:05`);
            the later wins. A setting with an unknown name or a value out of range stops the start, with every problem listed.

            Read again while running, from files: `ReverseProxy`, `Gateway:Policies`, `Gateway:Cors`, `Gateway:RateLimits`, `Gateway:Verify` and, by Kestrel,
            endpoints and certificates. Everything else is read at start. `gateway check-config` says whether a configuration is good.

            Besides these: `Kestrel` (endpoints, certificates; [limits](limits.md)), `ReverseProxy` (YARP's section), `Serilog:MinimumLevel`, and OpenTelemetry's `OTEL_…`
            variables ([telemetry](telemetry.md)).


            """.ReplaceLineEndings("\n"));
        foreach (var section in Settings.All)
        {
            text.Append("## ").Append(section.Name).Append("\n\nRead by ").Append(section.Readers).Append('.');
            if (section.Says is not null) text.Append(' ').Append(section.Says);
            text.Append("\n\n| setting | value | says |\n| --- | --- | --- |\n");
            foreach (var setting in section.Settings) text.Append("| `").Append(setting.Key).Append("` | ").Append(setting.Value).Append(" | ").Append(setting.Says ?? "see above").Append(" |\n");
            text.Append('\n');
        }

        text.Append("## Metadata of a route\n\nIn `ReverseProxy:Routes:NAME:Metadata`; see [routes](routes.md).\n\n| key | says |\n| --- | --- |\n");
        Append(Settings.OfRoutes);
        text.Append("\n## Metadata of a cluster\n\nIn `ReverseProxy:Clusters:NAME:Metadata`; see [TLS](tls.md).\n\n| key | says |\n| --- | --- |\n");
        Append(Settings.OfClusters);
        return text;

        void Append(IReadOnlyList<Setting> settings)
        {
            foreach (var setting in settings) text.Append("| `").Append(setting.Key).Append("` | ").Append(setting.Says).Append(" |\n");
        }
    }
}
