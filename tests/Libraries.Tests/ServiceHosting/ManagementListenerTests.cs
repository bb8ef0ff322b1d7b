using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using ServiceHosting;
using ServiceHosting.Management;
using Testing;

namespace Libraries.Tests.ServiceHosting;

public sealed class ManagementListenerTests
{
    [Fact]
    public async Task Health_is_answered_on_the_management_port_only()
    {
        await using var service = await HostedService.StartAsync(null, app => app.Run(context => context.Response.WriteAsync("public")));

        foreach (var path in (string[])["/healthz/live", "/healthz/ready"])
        {
            Assert.Equal("public", (await HostedService.GetAsync(service.PublicPort, path)).BodyText);
            var answer = await HostedService.GetAsync(service.ManagementPort, path);
            Assert.Equal((200, "no-store"), (answer.Status, answer.Value("Cache-Control")));
            Assert.Contains("status", answer.BodyText, StringComparison.Ordinal);
        }

        foreach (var path in (string[])["/", "/hello", "/healthz", "/healthz/ready/", "/HEALTHZ2"])
            Assert.Equal(404, (await HostedService.GetAsync(service.ManagementPort, path)).Status);
    }

    [Fact]
    public async Task Endpoints_from_urls_are_served_besides_the_management_port()
    {
        await using var app = ServiceHost.Build(
            HostedService.Description, ["--urls", "http://127.0.0.1:0"], _ => { }, app => app.Run(context => context.Response.WriteAsync("public")));
        await app.StartAsync(TestContext.Current.CancellationToken);
        var management = app.Services.GetRequiredService<ManagementListener>().EndPoint!.Port;

        var ports = app.Urls.Select(url => new Uri(url).Port).ToList();
        Assert.Equal(2, ports.Count);
        var answer = await RawHttpClient.GetAsync(ports.Single(port => port != management), "/healthz/live", TestContext.Current.CancellationToken);
        Assert.Equal("public", answer.BodyText);
    }

    [Theory]
    [InlineData("127.0.0.1", 200)]
    [InlineData("127.0.0.1:1", 200)]
    [InlineData("localhost", 200)]
    [InlineData("LOCALHOST:80", 200)]
    [InlineData("allowed.example", 200)]
    [InlineData("evil.example", 421)]
    [InlineData("127.0.0.1.evil.example", 421)]
    [InlineData("127.0.0.2", 421)]
    [InlineData("10.0.0.1", 421)]
    [InlineData("[::1]", 421)]
    public async Task Only_known_hosts_are_answered(string host, int status)
    {
        await using var service = await HostedService.StartAsync(null, null, "--Management:AllowedHosts:0", "allowed.example");
        var answer = await RawHttpClient.SendAsync(
            service.ManagementPort, $"GET /healthz/live HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n", TestContext.Current.CancellationToken);
        Assert.Equal(status, answer.Status);
    }

    [Fact]
    public async Task Readiness_names_every_reason_and_liveness_does_not_care()
    {
        var keys = new Check("keys", "not loaded");
        var revocations = new Check("revocations", "Redis is away");
        await using var service = await HostedService.StartAsync(
            builder => builder.Services.AddSingleton<IReadinessCheck>(keys).AddSingleton<IReadinessCheck>(revocations), null);

        var answer = await HostedService.GetAsync(service.ManagementPort, "/healthz/ready");
        Assert.Equal(503, answer.Status);
        Assert.Equal(
            """{"status":"not ready","reasons":[{"check":"keys","reason":"not loaded"},{"check":"revocations","reason":"Redis is away"}]}""",
            answer.BodyText);
        Assert.Equal(200, (await HostedService.GetAsync(service.ManagementPort, "/healthz/live")).Status);

        keys.NotReadyReason = revocations.NotReadyReason = null;
        Assert.Equal(200, (await HostedService.GetAsync(service.ManagementPort, "/healthz/ready")).Status);
    }

    [Fact]
    public async Task Registered_route_is_answered_by_its_method_only()
    {
        await using var service = await HostedService.StartAsync(
            builder => builder.Services.AddSingleton(new ManagementRoute("POST", "/explain", context => context.Response.WriteAsync("because"))), null);

        var get = await HostedService.GetAsync(service.ManagementPort, "/explain");
        Assert.Equal((405, "POST"), (get.Status, get.Value("Allow")));
        Assert.Equal(404, (await HostedService.GetAsync(service.PublicPort, "/explain")).Status);
        var post = await RawHttpClient.SendAsync(
            service.ManagementPort, "POST /explain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", TestContext.Current.CancellationToken);
        Assert.Equal("because", post.BodyText);
    }

    private sealed class Check(string name, string? reason) : IReadinessCheck
    {
        public string Name => name;

        public string? NotReadyReason { get; set; } = reason;
    }
}
