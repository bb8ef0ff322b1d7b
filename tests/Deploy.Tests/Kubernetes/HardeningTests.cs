using Gateway.Forwarding;
using Gateway.Routing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Deploy.Tests.Kubernetes;

/// <summary>What keeps a pod that was taken over small, and a roll-out or a lost node unnoticed.</summary>
public sealed class HardeningTests
{
    public static TheoryData<string> Names => Overlay.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Pods_run_without_root_privileges_token_and_writable_image(string name)
    {
        var overlay = await Overlay.ReadAsync(name);
        Assert.True(overlay.Containers.Count() >= 6);
        Assert.All(overlay.Containers, container =>
        {
            Assert.False((bool)container.Pod["automountServiceAccountToken"]!, container.Owner);
            Assert.True((bool)container.Pod["securityContext"]!["runAsNonRoot"]!, container.Owner);
            Assert.NotEqual(0, (int)container.Pod["securityContext"]!["runAsUser"]!);
            Assert.Equal("RuntimeDefault", (string)container.Pod["securityContext"]!["seccompProfile"]!["type"]!);
            var security = container.Spec["securityContext"]!;
            Assert.False((bool)security["allowPrivilegeEscalation"]!, container.Owner);
            Assert.True((bool)security["readOnlyRootFilesystem"]!, container.Owner);
            Assert.Equal("ALL", (string)security["capabilities"]!["drop"]!.AsArray().Single()!);
            Assert.NotNull(container.Spec["resources"]!["requests"]!["cpu"]);
            Assert.NotNull(container.Spec["resources"]!["limits"]!["memory"]);
            // A tag with a version; "latest" and none are what was latest on that node.
            Assert.Matches(@"^[^@]+:v?\d+\.\d+(\.\d+)?[a-z0-9.-]*$", container.Image);
        });
        Assert.Empty(overlay.OfKind("Role").Concat(overlay.OfKind("ClusterRole")).Concat(overlay.OfKind("RoleBinding")).Concat(overlay.OfKind("ClusterRoleBinding")));
        Assert.Equal("restricted", (string)overlay.OfKind("Namespace").Single()["metadata"]!["labels"]!["pod-security.kubernetes.io/enforce"]!);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Gateway_and_auth_service_spread_scale_and_keep_enough_replicas(string name)
    {
        var overlay = await Overlay.ReadAsync(name);
        foreach (var service in (string[])["gateway", "auth-service"])
        {
            var deployment = overlay.Find("Deployment", service)!;
            Assert.Null(deployment["spec"]!["replicas"]);
            Assert.Equal(service, (string)overlay.Find("HorizontalPodAutoscaler", service)!["spec"]!["scaleTargetRef"]!["name"]!);
            var pod = deployment["spec"]!["template"]!;
            var labels = pod["metadata"]!["labels"]!;
            Assert.Equal((string)labels["app.kubernetes.io/name"]!, (string)overlay.Find("PodDisruptionBudget", service)!["spec"]!["selector"]!["matchLabels"]!["app.kubernetes.io/name"]!);
            Assert.NotEmpty(pod["spec"]!["topologySpreadConstraints"]!.AsArray());
            if (overlay.Production) Assert.True((int)overlay.Find("HorizontalPodAutoscaler", service)!["spec"]!["minReplicas"]! >= 2);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Production_drains_keeps_secrets_out_of_the_repository_and_its_auth_service_on_a_host_of_its_own(string name)
    {
        var overlay = await Overlay.ReadAsync(name);
        if (!overlay.Production) return;
        Assert.Empty(overlay.OfKind("Secret"));
        foreach (var container in overlay.OwnContainers.Where(container => container.Owner.StartsWith("Deployment", StringComparison.Ordinal)))
        {
            using var provided = overlay.Provide(container);
            await using var app = container.Service!.Build(provided);
            var delay = TimeSpan.Parse(app.Configuration[container.Service.Description.ShutdownDelayKey]!);
            Assert.Equal(TimeSpan.FromSeconds(5), delay);
            // The delay and the 30 s that requests in flight have.
            Assert.True((int)container.Pod["terminationGracePeriodSeconds"]! > delay.TotalSeconds + 30);
            Assert.StartsWith("https://", app.Configuration["Kestrel:Endpoints:Web:Url"], StringComparison.Ordinal);
            foreach (var address in app.Configuration.AsEnumerable().Where(pair => pair.Key.EndsWith(":Address", StringComparison.Ordinal) || pair.Key.EndsWith(":Authority", StringComparison.Ordinal)))
                Assert.StartsWith("https://", address.Value, StringComparison.Ordinal);
            if (container.Service.Name == "gateway") AssertHosts(app.Configuration);
            if (app.Configuration["Redis:ConnectionString"] is { } redis && overlay.OfKind("ExternalSecret").Any()) Assert.Contains("ssl=true", redis, StringComparison.Ordinal);
            if (app.Configuration["ConnectionStrings:Users"] is { } users && overlay.OfKind("ExternalSecret").Any()) Assert.Contains("SSL Mode=VerifyFull", users, StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Everything_of_the_auth_service_is_routed_to_it_on_the_issuers_host(string name)
    {
        var overlay = await Overlay.ReadAsync(name);
        var container = overlay.OwnContainers.Single(container => container.Owner == "Deployment/gateway");
        using var provided = overlay.Provide(container);
        await using var app = container.Service!.Build(provided);
        var finder = app.Services.GetRequiredService<RouteFinder>();

        // Documents, JSON API and OAuth take what a client sends with them; a document for everybody needs no credentials.
        foreach (var (path, authorization) in ((string, AuthorizationRule)[])[
            ("/openapi/v1.json", AuthorizationRule.Drop), ("/.well-known/openid-configuration", AuthorizationRule.Keep), ("/connect/token", AuthorizationRule.Keep), ("/api/users/me", AuthorizationRule.Keep)])
        {
            var request = new DefaultHttpContext { RequestServices = app.Services };
            (request.Request.Method, request.Request.Host) = ("GET", new HostString(new Uri(app.Configuration["Gateway:Issuers:0:Issuer"]!).Authority));
            var route = await finder.FindAsync(request, path);
            Assert.True(route is { IsAuthService: true, Policy.AllowsAnonymous: true }, $"{path} is routed to {route?.RouteId}");
            Assert.Equal(authorization, route!.Forwarding.Authorization);
        }
    }

    [Fact]
    public async Task Backend_of_production_demands_a_certificate_and_the_gateway_has_one_to_show()
    {
        var overlay = await Overlay.ReadAsync("production");
        var settings = overlay.OwnContainers.Where(container => container.Owner.StartsWith("Deployment", StringComparison.Ordinal))
            .ToDictionary(container => container.Service!.Name, container =>
            {
                using var provided = overlay.Provide(container);
                using var app = (IDisposable)container.Service!.Build(provided);
                return ((WebApplication)app).Configuration.AsEnumerable().ToDictionary(StringComparer.OrdinalIgnoreCase);
            });

        Assert.Equal("RequireCertificate", settings["sample-backend"]["Kestrel:Endpoints:Web:ClientCertificateMode"]);
        foreach (var key in (string[])["Gateway.ClientCertificate", "Gateway.ClientCertificateKey", "Gateway.ServerAuthority"])
            Assert.NotNull(settings["gateway"][$"ReverseProxy:Clusters:sample-backend:Metadata:{key}"]);
        var certificate = overlay.OfKind("Certificate").Single(made => Overlay.NameOf(made) == "gateway");
        Assert.Contains(certificate["spec"]!["usages"]!.AsArray(), usage => (string)usage! == "client auth");
    }

    private static void AssertHosts(IConfiguration configuration)
    {
        var hosts = configuration.GetSection("ReverseProxy:Routes").GetChildren()
            .Select(route => (Cluster: route["ClusterId"]!, Hosts: route.GetSection("Match:Hosts").GetChildren().Select(host => host.Value!).ToList())).ToList();
        Assert.All(hosts, route => Assert.NotEmpty(route.Hosts));
        var issuer = new Uri(configuration["Gateway:Issuers:0:Issuer"]!).Host;
        Assert.Contains(hosts, route => route.Cluster == "auth-service" && route.Hosts.Contains(issuer));
        Assert.DoesNotContain(hosts, route => route.Cluster != "auth-service" && route.Hosts.Contains(issuer));
        Assert.DoesNotContain(hosts, route => route.Cluster == "auth-service" && route.Hosts.Contains("api.example.com"));
    }
}
