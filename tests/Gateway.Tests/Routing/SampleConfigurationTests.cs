using System.Text.Json;

namespace Gateway.Tests.Routing;

/// <summary>The settings that the gateway is delivered with.</summary>
public sealed class SampleConfigurationTests
{
    private static readonly JsonDocumentOptions Comments = new() { CommentHandling = JsonCommentHandling.Skip };

    [Fact]
    public async Task Default_settings_are_valid_and_route_nothing()
    {
        var settings = Read("appsettings.json");

        Assert.Empty(await RoutedGateway.FindProblemsAsync(settings));
        using var json = JsonDocument.Parse(settings, Comments);
        Assert.Empty(json.RootElement.GetProperty("ReverseProxy").GetProperty("Routes").EnumerateObject());
        Assert.Empty(json.RootElement.GetProperty("Gateway").GetProperty("TrustedProxies").EnumerateArray());
    }

    [Fact]
    public async Task Development_settings_are_valid_and_every_route_names_its_policy()
    {
        var settings = Read("appsettings.Development.json");

        Assert.Empty(await RoutedGateway.FindProblemsAsync(settings));
        using var json = JsonDocument.Parse(settings, Comments);
        var routes = json.RootElement.GetProperty("ReverseProxy").GetProperty("Routes").EnumerateObject().ToList();
        Assert.NotEmpty(routes);
        Assert.All(routes, route => Assert.True(route.Value.TryGetProperty("AuthorizationPolicy", out _), route.Name));
    }

    private static string Read(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "settings", name));
}
