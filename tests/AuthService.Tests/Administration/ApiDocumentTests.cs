using System.Text.Json;
using AuthService.OpenApi;
using AuthService.Tests.Users;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace AuthService.Tests.Administration;

public sealed class ApiDocumentTests(Databases databases)
{
    /// <summary>What is for browsers, not for programs.</summary>
    private static readonly string[] ForBrowsers = ["/connect/authorize", "/connect/logout"];

    [Fact]
    public async Task Document_describes_the_mapped_endpoints_and_no_others()
    {
        var service = await databases.SharedServiceAsync();
        var mapped = service.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .SelectMany(endpoint => (endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? []).Select(method => $"{method} {Path(endpoint)}"))
            .Where(operation => operation.Contains(" /api/", StringComparison.Ordinal) || operation.Contains(" /.well-known/", StringComparison.Ordinal))
            .Distinct().Order().ToList();
        var described = ApiDocument.Operations.Select(operation => $"{operation.Method} {operation.Path}").Order().ToList();

        Assert.True(mapped.Count > 30, $"Only {mapped.Count} endpoints were looked at.");
        Assert.Equal(described.Distinct(), described);
        Assert.Equal(mapped, described.Where(operation => !operation.Contains(" /connect/", StringComparison.Ordinal)));
        Assert.DoesNotContain(described, operation => ForBrowsers.Contains(operation.Split(' ')[1]));
    }

    [Fact]
    public async Task Document_is_served_and_whole()
    {
        var service = await databases.SharedServiceAsync();
        using var answer = await service.Http.GetAsync(new Uri("/openapi/v1.json", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Equal(200, (int)answer.StatusCode);
        var document = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;

        Assert.StartsWith("3.1", document.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        Assert.Equal(ApiDocument.Operations.Count, document.GetProperty("paths").EnumerateObject().Sum(path => path.Value.EnumerateObject().Count(member => member.Name != "parameters")));
        var patch = document.GetProperty("paths").GetProperty("/api/admin/users/{id}").GetProperty("patch");
        Assert.Equal(["200", "400", "401", "403", "404", "409", "412", "413", "415", "503"], patch.GetProperty("responses").EnumerateObject().Select(response => response.Name));
        Assert.False(patch.GetProperty("requestBody").GetProperty("content").GetProperty("application/json").GetProperty("schema").GetProperty("additionalProperties").GetBoolean());
    }

    /// <summary>Without route constraints.</summary>
    private static string Path(RouteEndpoint endpoint) =>
        System.Text.RegularExpressions.Regex.Replace("/" + endpoint.RoutePattern.RawText!.Trim('/'), ":[^}]*}", "}", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1));
}
