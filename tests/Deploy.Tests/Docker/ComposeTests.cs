using System.Text.Json.Nodes;
using ServiceHosting;
using Testing;

namespace Deploy.Tests.Docker;

/// <summary>deploy/docker/compose.yaml against the programs' own settings.</summary>
public sealed class ComposeTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Programs_start_with_the_environment_of_their_containers()
    {
        var seen = new HashSet<string>();
        foreach (var (name, container) in await ReadAsync())
        {
            if (Service.OfImage((string)container!["image"]!) is not { } service) continue;
            using var provided = new Provided();
            foreach (var (variable, value) in Dockerfile.Read(service).Environment) provided.Set(variable, value);
            foreach (var (variable, value) in container["environment"]!.AsObject()) provided.Set(variable, value!.ToString());
            try
            {
                await using var app = service.Build(provided);
            }
            catch (ConfigurationException exception)
            {
                Assert.Fail($"{name}: {exception.Message}");
            }

            Assert.Equal($"deploy/docker/{service.Name}.Dockerfile", (string)container["build"]!["dockerfile"]!);
            seen.Add(service.Name);
        }

        Assert.Equal(Service.All.Select(service => service.Name).Order(), seen.Order());
    }

    [Fact]
    public async Task Containers_are_hardened_reach_what_they_name_and_only_the_gateway_is_open()
    {
        var services = await ReadAsync();
        Assert.True(services.Count >= 6);
        foreach (var (name, container) in services)
        {
            Assert.True((bool)container!["read_only"]!, name);
            Assert.Equal("ALL", (string)container["cap_drop"]!.AsArray().Single()!);
            Assert.Equal("no-new-privileges:true", (string)container["security_opt"]!.AsArray().Single()!);
            Assert.Matches(@":\d+\.\d+(\.\d+)?[a-z0-9.-]*$", (string)container["image"]!);
            Assert.Equal(name == "gateway", container["ports"] is not null);
            foreach (var (variable, value) in container["environment"]?.AsObject() ?? [])
            {
                if (!Uri.TryCreate(value!.ToString(), UriKind.Absolute, out var uri) || !uri.Scheme.StartsWith("http", StringComparison.Ordinal) || uri.IsLoopback) continue;
                var target = Service.All.Single(service => service.Name == uri.Host);
                Assert.Equal(Dockerfile.Read(target).Of("EXPOSE").Single(), $"{uri.Port}");
                Assert.True(Networks(container).Intersect(Networks(services[uri.Host]!)).Any(), $"{name} does not reach {uri.Host} ({variable})");
            }
        }

        Assert.Contains("noeviction", services["redis"]!["command"]!.AsArray().Select(word => (string)word!));
        static IEnumerable<string> Networks(JsonNode container) => container["networks"]!.AsArray().Select(network => (string)network!);
    }

    private static async Task<JsonObject> ReadAsync() =>
        (await NodeProgram.RunAsync("parse.mjs", await File.ReadAllTextAsync(Path.Combine(Repository.Root, "deploy", "docker", "compose.yaml"), Cancellation), Cancellation))["services"]!.AsObject();
}
