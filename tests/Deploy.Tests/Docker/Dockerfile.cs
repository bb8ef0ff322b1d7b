using System.Text.RegularExpressions;
using Testing;

namespace Deploy.Tests.Docker;

/// <summary>The instructions of a Dockerfile in deploy/docker, continued lines joined.</summary>
internal sealed partial class Dockerfile
{
    private Dockerfile(Service service, IReadOnlyList<(string Instruction, string Text)> lines) => (Service, Lines) = (service, lines);

    public Service Service { get; }

    public IReadOnlyList<(string Instruction, string Text)> Lines { get; }

    public static Dockerfile Read(Service service)
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, "deploy", "docker", service.Name + ".Dockerfile")).Replace("\\\n", " ", StringComparison.Ordinal);
        return new Dockerfile(service, [.. text.Split('\n').Where(line => line.Length > 0 && !line.StartsWith('#')).Select(line => line.Split(' ', 2)).Select(parts => (parts[0], parts[1].Trim()))]);
    }

    public IEnumerable<string> Of(string instruction) => Lines.Where(line => line.Instruction == instruction).Select(line => line.Text);

    /// <summary>What the built image's environment holds.</summary>
    public IReadOnlyDictionary<string, string> Environment =>
        Of("ENV").SelectMany(line => Variable().Matches(line)).ToDictionary(variable => variable.Groups["name"].Value, variable => variable.Groups["value"].Value);

    /// <summary>Files and directories of the repository that go to the builder.</summary>
    public IEnumerable<string> CopiedSources => Of("COPY").Where(line => !line.StartsWith("--from", StringComparison.Ordinal)).SelectMany(line => line.Split(' ')[..^1]);

    [GeneratedRegex(@"(?<name>\w+)=(?<value>\S*)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Variable();
}
