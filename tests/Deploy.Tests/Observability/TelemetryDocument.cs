using System.Text.RegularExpressions;
using Testing;

namespace Deploy.Tests.Observability;

/// <summary>A row of the tables of deploy/docs/telemetry.md.</summary>
internal sealed record DocumentedInstrument(string Name, string Meter, string Unit, string Kind, IReadOnlyList<string> Tags)
{
    /// <summary>As OpenTelemetry's rules for Prometheus name it and, of a histogram, its parts.</summary>
    public IEnumerable<string> PrometheusNames
    {
        get
        {
            var unit = Unit switch { "s" => "_seconds", "ms" => "_milliseconds", "By" => "_bytes", _ => "" };
            var name = Name.Replace('.', '_') + unit;
            return Kind switch { "counter" => [name + "_total"], "histogram" => [name + "_bucket", name + "_count", name + "_sum"], _ => [name] };
        }
    }
}

internal static partial class TelemetryDocument
{
    private static readonly string Text = File.ReadAllText(Path.Combine(Repository.Root, "deploy", "docs", "telemetry.md"));

    public static IReadOnlyList<DocumentedInstrument> Own { get; } = Read("## Metrics of this system");

    public static IReadOnlyList<DocumentedInstrument> Platform { get; } = Read("## Metrics of .NET");

    /// <summary>Names that others export, written as Prometheus knows them.</summary>
    public static IReadOnlyList<string> Foreign { get; } = [.. ForeignName().Matches(Section("## Metrics of Redis")).Select(match => match.Groups["name"].Value)];

    private static IReadOnlyList<DocumentedInstrument> Read(string heading) =>
    [
        .. Row().Matches(Section(heading)).Select(row => new DocumentedInstrument(
            row.Groups["name"].Value, row.Groups["meter"].Value, row.Groups["unit"].Value, row.Groups["kind"].Value,
            [.. row.Groups["tags"].Value.Split([' ', ',', '`'], StringSplitOptions.RemoveEmptyEntries)])),
    ];

    private static string Section(string heading)
    {
        var from = Text.IndexOf(heading, StringComparison.Ordinal);
        Assert.True(from >= 0, heading);
        var to = Text.IndexOf("\n## ", from + 1, StringComparison.Ordinal);
        return to < 0 ? Text[from..] : Text[from..to];
    }

    [GeneratedRegex(@"^\| `(?<name>[^`]+)` \| `(?<meter>[^`]+)` \| `(?<unit>[^`]+)` \| (?<kind>\w+) \|(?<tags>[^|]*)\|", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Row();

    [GeneratedRegex("`(?<name>redis_[a-z_]+)`", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ForeignName();
}
