using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using ServiceHosting;

namespace Deploy.Tests.Kubernetes;

/// <summary>Every overlay against the schemas of Kubernetes and against what the programs take.</summary>
public sealed class OverlayTests
{
    public static TheoryData<string> Names => Overlay.Names;

    [Fact]
    public void Development_and_production_are_among_the_overlays()
    {
        var names = Names.Select(row => row.Data).ToList();
        Assert.Contains("development", names);
        Assert.Contains("production", names);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Objects_are_what_the_schemas_of_their_kinds_say(string name)
    {
        var overlay = await Overlay.ReadAsync(name);
        Assert.True(overlay.Objects.Count > 20);
        Assert.Empty(overlay.Problems);
        Assert.Equal(overlay.Objects.Count, overlay.Objects.Select(made => $"{Overlay.Kind(made)}/{Overlay.NameOf(made)}").Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Programs_start_with_what_they_are_given(string name)
    {
        var overlay = await Overlay.ReadAsync(name);
        var seen = new HashSet<string>();
        foreach (var container in overlay.OwnContainers)
        {
            using var provided = overlay.Provide(container);
            try
            {
                await using var app = container.Service!.Build(provided);
                AssertPort(container, app.Configuration);
            }
            catch (ConfigurationException exception)
            {
                Assert.Fail($"{container.Owner}: {exception.Message}");
            }

            seen.Add(container.Service.Name);
        }

        Assert.Equal(Service.All.Select(service => service.Name).Order(), seen.Order());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Probes_ask_what_the_management_port_answers(string name)
    {
        var overlay = await Overlay.ReadAsync(name);
        await using var service = await ManagedService.StartAsync();
        var probes = 0;
        foreach (var container in overlay.OwnContainers.Where(container => container.Owner.StartsWith("Deployment", StringComparison.Ordinal)))
        {
            using var provided = overlay.Provide(container);
            foreach (var kind in (string[])["startupProbe", "livenessProbe", "readinessProbe"])
            {
                var request = container.Spec[kind]!["httpGet"]!;
                Assert.Equal(new Uri(provided.Environment["Management__Url"].Replace("*", "any", StringComparison.Ordinal)).Port, container.Port((string)request["port"]!));
                Assert.Equal(200, await service.GetAsync((string)request["path"]!));
                probes++;
            }

            Assert.EndsWith("/live", (string)container.Spec["livenessProbe"]!["httpGet"]!["path"]!, StringComparison.Ordinal);
            Assert.EndsWith("/ready", (string)container.Spec["readinessProbe"]!["httpGet"]!["path"]!, StringComparison.Ordinal);
        }

        Assert.True(probes >= 9);
        Assert.Equal(404, await service.GetAsync("/healthz/other"));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Addresses_lead_to_services_and_services_to_ports_of_pods(string name)
    {
        var overlay = await Overlay.ReadAsync(name);
        foreach (var service in overlay.OfKind("Service"))
        {
            var selector = service["spec"]!["selector"]!.AsObject().ToDictionary(label => label.Key, label => (string)label.Value!);
            var pods = overlay.Containers.Where(container => selector.All(container.Labels.Contains)).ToList();
            Assert.NotEmpty(pods);
            foreach (var port in service["spec"]!["ports"]!.AsArray())
            {
                if (port!["targetPort"]?.GetValueKind() == JsonValueKind.String) Assert.Contains(pods, pod => pod.Port((string)port["targetPort"]!) is not null);
                else Assert.Contains(pods, pod => pod.Spec["ports"]!.AsArray().Any(open => (int)open!["containerPort"]! == (int)port["port"]!));
            }
        }

        var addresses = 0;
        foreach (var container in overlay.OwnContainers)
        {
            using var provided = overlay.Provide(container);
            await using var app = container.Service!.Build(provided);
            foreach (var (key, value) in app.Configuration.AsEnumerable())
            {
                // By its name alone a host is one of the cluster; the public ones have a domain.
                if (key.StartsWith("Kestrel:", StringComparison.Ordinal) || !Uri.TryCreate(value, UriKind.Absolute, out var uri) || !uri.Scheme.StartsWith("http", StringComparison.Ordinal)
                    || uri.Host.Contains('.', StringComparison.Ordinal) || uri.Host.Contains('*', StringComparison.Ordinal))
                    continue;
                var service = overlay.Find("Service", uri.Host) ?? throw new InvalidOperationException($"{container.Owner}: {key} names {value}, and there is no such Service.");
                Assert.Contains(service["spec"]!["ports"]!.AsArray(), port => (int)port!["port"]! == uri.Port);
                addresses++;
            }
        }

        Assert.True(addresses >= 6, $"only {addresses} addresses looked at");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Ways_in_lead_to_the_gateway_alone(string name)
    {
        var overlay = await Overlay.ReadAsync(name);
        var backends = overlay.OfKind("HTTPRoute").SelectMany(route => route["spec"]!["rules"]!.AsArray()).SelectMany(rule => rule!["backendRefs"]?.AsArray() ?? [])
            .Concat(overlay.OfKind("Ingress").SelectMany(ingress => ingress["spec"]!["rules"]!.AsArray()).SelectMany(rule => rule!["http"]!["paths"]!.AsArray()).Select(path => path!["backend"]!["service"])).ToList();
        if (overlay.Production) Assert.NotEmpty(backends);
        var service = overlay.Find("Service", "gateway")!;
        Assert.All(backends, backend =>
        {
            Assert.Equal("gateway", (string)backend!["name"]!);
            Assert.Contains(service["spec"]!["ports"]!.AsArray(), port =>
                backend["port"] is JsonObject named ? (string)port!["name"]! == (string)named["name"]! : (int)port!["port"]! == (int)backend["port"]!);
        });
        Assert.All(overlay.OfKind("Service"), made => Assert.Null(made["spec"]!["type"]));
    }

    private static void AssertPort(Container container, IConfiguration configuration)
    {
        if (container.Port("web") is not { } port) return;
        var url = configuration["Kestrel:Endpoints:Web:Url"]!;
        Assert.Equal(port, new Uri(url.Replace("*", "any", StringComparison.Ordinal)).Port);
    }
}
