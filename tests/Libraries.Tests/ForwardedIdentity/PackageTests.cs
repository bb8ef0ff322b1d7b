using System.Diagnostics;
using System.Net;
using Testing;

namespace Libraries.Tests.ForwardedIdentity;

/// <summary>The package as a customer gets it: packed, restored by a project that knows nothing of this repository, run.</summary>
public sealed class PackageTests : IDisposable
{
    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk.Web">
          <PropertyGroup>
            <TargetFramework>net10.0</TargetFramework>
            <ImplicitUsings>enable</ImplicitUsings>
            <RestorePackagesPath>packages</RestorePackagesPath>
            <RestoreAdditionalProjectSources>feed</RestoreAdditionalProjectSources>
          </PropertyGroup>
          <ItemGroup>
            <PackageReference Include="ForwardedIdentity" Version="*" />
          </ItemGroup>
        </Project>
        """;

    private const string Service = """
        using ForwardedIdentity;

        var builder = WebApplication.CreateBuilder(args);
        builder.Services.AddForwardedIdentity();
        builder.Services.AddAuthorization();
        builder.Services.AddHttpClient("next").AddForwardedIdentityHandler();
        var app = builder.Build();
        app.UseAuthentication();
        app.UseAuthorization();
        app.MapGet("/", (HttpContext context) => context.User.Identity!.Name).RequireAuthorization();
        app.Run();
        """;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("package-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Package_restores_builds_and_guards_in_a_project_of_its_own()
    {
        await RunAsync(Repository.Root, ["pack", "libraries/ForwardedIdentity", "-c", "Release", "-o", Path.Combine(_directory.FullName, "feed"), "-v", "quiet"]);
        await File.WriteAllTextAsync(Path.Combine(_directory.FullName, "Customer.csproj"), Project, Cancellation);
        await File.WriteAllTextAsync(Path.Combine(_directory.FullName, "Program.cs"), Service, Cancellation);
        // Nothing above the directory may lend it settings of this repository.
        await File.WriteAllTextAsync(Path.Combine(_directory.FullName, "Directory.Build.props"), "<Project />", Cancellation);
        await File.WriteAllTextAsync(Path.Combine(_directory.FullName, "Directory.Packages.props"), "<Project />", Cancellation);
        await RunAsync(_directory.FullName, ["build", "Customer.csproj", "-c", "Release", "-o", "out", "-v", "quiet"]);

        using var port = PortLease.Take();
        var address = $"http://127.0.0.1:{port.Port}";
        using var service = Start(_directory.FullName, [
            Path.Combine("out", "Customer.dll"), "--urls", address,
            "--ForwardedIdentity:Gateway", "http://127.0.0.1:1", "--ForwardedIdentity:Audience", "customer",
            "--ForwardedIdentity:ClientId", "customer", "--ForwardedIdentity:ClientSecret", "not-needed-here"]);
        try
        {
            using var client = new HttpClient { BaseAddress = new Uri(address) };
            await Eventually.TrueAsync(
                async () =>
                {
                    Assert.False(service.HasExited, "The service stopped.");
                    try
                    {
                        using var answer = await client.GetAsync("/", Cancellation);
                        return answer.StatusCode == HttpStatusCode.Unauthorized
                            && (await answer.Content.ReadAsStringAsync(Cancellation)).Contains("identity_missing", StringComparison.Ordinal);
                    }
                    catch (HttpRequestException)
                    {
                        return false;
                    }
                },
                "the customer's service refuses a request without identity",
                Cancellation);
        }
        finally
        {
            service.Kill();
            await service.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static async Task RunAsync(string directory, string[] arguments)
    {
        using var process = Start(directory, arguments);
        var output = await process.StandardOutput.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        Assert.True(process.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}:\n{output}");
    }

    private static Process Start(string directory, string[] arguments) => Process.Start(new ProcessStartInfo("dotnet", arguments)
    {
        WorkingDirectory = directory,
        UseShellExecute = false,
        RedirectStandardOutput = true,
        // A build server would outlive the test and hold its output open.
        Environment = { ["MSBUILDDISABLENODEREUSE"] = "1", ["UseSharedCompilation"] = "false" },
    })!;
}
