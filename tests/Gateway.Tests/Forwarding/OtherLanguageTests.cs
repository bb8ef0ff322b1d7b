using System.Diagnostics;
using System.Text.Json;
using Gateway.Forwarding;
using Testing;

namespace Gateway.Tests.Forwarding;

/// <summary>Backends in other languages verify an identity token with nothing but the published keys.</summary>
public sealed class OtherLanguageTests : IAsyncLifetime
{
    private const string Name = "Zoë \"Ünï\" Łęcki, 李";

    private RoutedGateway _gateway = null!;
    private string _token = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _gateway = await RoutedGateway.StartAsync(
            RoutedGateway.Configuration("""{ "r": { "ClusterId": "backend", "Match": { "Path": "/r" } } }"""), Cancellation);
        _gateway.Callers["zoe"] = RoutedGateway.Caller("zoe", new { act = new { sub = "orders-service" } }, Name, ["user", "a,b"], ["profile"]);
        Assert.Equal(200, (await _gateway.GetAsync("/r", "Authorization: Bearer zoe")).Status);
        _token = _gateway.Backend.Last.Value(IdentityHeaders.TokenHeader)!;
    }

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Fact]
    public Task Python_with_PyJWT_of_the_distribution_verifies_the_token()
    {
        InstalledPrograms.Require("python3-jwt", "/usr/lib/python3/dist-packages/jwt/__init__.py");
        InstalledPrograms.Require("python3-cryptography", "/usr/lib/python3/dist-packages/cryptography/__init__.py");
        return VerifiesAsync(InstalledPrograms.Require("python3", "/usr/bin/python3"), "verify-identity.py");
    }

    [Fact]
    public Task Node_with_jose_verifies_the_token()
    {
        InstalledPrograms.Require("npm package jose", Path.Combine(Clients, "node_modules", "jose", "package.json"));
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        return VerifiesAsync(InstalledPrograms.Require("nodejs", [.. path.Select(directory => Path.Combine(directory, "node"))]), "verify-identity.mjs");
    }

    private static string Clients => Path.Combine(Repository.Root, "tests", "clients");

    private async Task VerifiesAsync(string program, string script)
    {
        var (code, output) = await RunAsync(program, script, "backend", _token);
        Assert.True(code == 0, output);
        using var claims = JsonDocument.Parse(output);
        Assert.Equal("zoe", claims.RootElement.GetProperty("sub").GetString());
        Assert.Equal(Name, claims.RootElement.GetProperty("name").GetString());
        Assert.Equal(["user", "a,b"], claims.RootElement.GetProperty("roles").EnumerateArray().Select(role => role.GetString()));
        Assert.Equal("orders-service", claims.RootElement.GetProperty("act").GetProperty("sub").GetString());

        // Each check bites: another audience, and a payload that somebody changed.
        Assert.Equal(1, (await RunAsync(program, script, "another-backend", _token)).Code);
        var parts = _token.Split('.');
        var changed = $"{parts[0]}.{TokenForge.Encode(claims.RootElement.GetRawText().Replace("\"zoe\"", "\"bob\"", StringComparison.Ordinal))}.{parts[2]}";
        Assert.Equal(1, (await RunAsync(program, script, "backend", changed)).Code);
    }

    private async Task<(int Code, string Output)> RunAsync(string program, string script, string audience, string token)
    {
        var jwks = $"http://127.0.0.1:{_gateway.Port}{IdentityKeyDocument.Path}";
        var start = new ProcessStartInfo(program, [Path.Combine(Clients, script), jwks, RoutedGateway.IdentityIssuer, audience])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["no_proxy"] = "127.0.0.1", ["NO_PROXY"] = "127.0.0.1" },
        };
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(token);
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync(Cancellation);
        var output = await process.StandardOutput.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        return (process.ExitCode, process.ExitCode == 0 ? output : await errors);
    }
}
