using System.Diagnostics;
using System.Text.Json.Nodes;
using Testing;

namespace Deploy.Tests;

/// <summary>The scripts in tests/manifests, which read YAML and know the schemas of Kubernetes.</summary>
internal static class NodeProgram
{
    public static async Task<JsonNode> RunAsync(string script, string input, CancellationToken cancellationToken) =>
        JsonNode.Parse(await RunAsync("node", [Path.Combine(Repository.Root, "tests", "manifests", script)], input, cancellationToken))!;

    public static async Task<string> RunAsync(string program, IReadOnlyList<string> arguments, string input, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        await process.StandardInput.WriteAsync(input.AsMemory(), cancellationToken);
        process.StandardInput.Close();
        await process.WaitForExitAsync(cancellationToken);
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {await errors}");
        return await output;
    }
}
