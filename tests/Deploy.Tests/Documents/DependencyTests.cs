using System.Text;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Testing;

namespace Deploy.Tests.Documents;

/// <summary>What the programs ship of others, with its licence.</summary>
public sealed class DependencyTests
{
    /// <summary>Packages that are used while building alone.</summary>
    private static readonly string[] BuildOnly = ["Meziantou.Analyzer", "Microsoft.CodeAnalysis", "Microsoft.EntityFrameworkCore.Design", "Microsoft.EntityFrameworkCore.Analyzers", "Microsoft.Build", "Microsoft.NET.StringTools", "System.Composition", "Humanizer.Core"];

    private static readonly HashSet<string> Free = ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "PostgreSQL", "public domain"];

    /// <summary>Packages that give an address in place of a licence, and what lies there.</summary>
    private static readonly Dictionary<string, string> Elsewhere = new() { ["StackExchange.Redis"] = "MIT" };

    [Fact]
    public async Task List_is_what_the_programs_are_built_from_and_every_licence_is_free()
    {
        var packages = Service.All.SelectMany(service => Packages(service.Project).Select(package => (package, service.Name)))
            .GroupBy(pair => pair.package, pair => pair.Name).OrderBy(group => group.Key.Id, StringComparer.OrdinalIgnoreCase).ThenBy(group => group.Key.Version, StringComparer.Ordinal).ToList();
        Assert.True(packages.Count > 30);

        var text = new StringBuilder("""
            # Dependencies

            Written by `deploy/docs/generate.sh` from what the three programs are built from; a test holds the two together and takes free licences alone.
            The runtime itself is Microsoft's .NET (MIT). Images hold Ubuntu's chiselled packages besides; Redis up to 7.2 is BSD-3-Clause, PostgreSQL has the
            PostgreSQL licence.

            | package | version | licence | in |
            | --- | --- | --- | --- |

            """.ReplaceLineEndings("\n"));
        foreach (var package in packages)
        {
            var licence = Licence(package.Key.Id, package.Key.Version);
            Assert.True(licence.Split(" OR ").Any(Free.Contains), $"{package.Key.Id} has the licence {licence}");
            text.Append("| ").Append(package.Key.Id).Append(" | ").Append(package.Key.Version).Append(" | ").Append(licence).Append(" | ").AppendJoin(", ", package.Distinct()).Append(" |\n");
        }

        await GeneratedDocument.CompareOrWriteAsync("deploy/docs/dependencies.md", text, TestContext.Current.CancellationToken);
    }

    private static IEnumerable<(string Id, string Version)> Packages(string project)
    {
        var assets = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, project, "obj", "project.assets.json")))!;
        return assets["targets"]!.AsObject().Single().Value!.AsObject()
            .Where(library => (string)library.Value!["type"]! == "package" && (IsShipped(library.Value["runtime"]) || IsShipped(library.Value["runtimeTargets"])))
            .Select(library => library.Key.Split('/')).Select(parts => (parts[0], parts[1]))
            .Where(package => !BuildOnly.Any(prefix => package.Item1.StartsWith(prefix, StringComparison.Ordinal)));
    }

    /// <summary>A file named <c>_._</c> says that there is none.</summary>
    private static bool IsShipped(JsonNode? files) => files is JsonObject named && named.Any(file => !file.Key.EndsWith("/_._", StringComparison.Ordinal));

    private static string Licence(string id, string version)
    {
        if (Elsewhere.TryGetValue(id, out var known)) return known;
        var cache = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var directory = Path.Combine(cache, id.ToLowerInvariant(), version);
        var metadata = XDocument.Load(Path.Combine(directory, id.ToLowerInvariant() + ".nuspec")).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
        var licence = metadata.Elements().SingleOrDefault(element => element.Name.LocalName == "license");
        if ((string?)licence?.Attribute("type") == "expression") return licence!.Value;
        var words = licence is not null ? File.ReadAllText(Path.Combine(directory, licence.Value.Replace('\\', '/'))) : metadata.Elements().SingleOrDefault(element => element.Name.LocalName == "licenseUrl")?.Value ?? "";
        return words switch
        {
            _ when words.Contains("MIT", StringComparison.Ordinal) || words.Contains("Permission is hereby granted, free of charge", StringComparison.Ordinal) => "MIT",
            _ when words.Contains("Apache", StringComparison.OrdinalIgnoreCase) => "Apache-2.0",
            _ when words.Contains("Public Domain", StringComparison.Ordinal) => "public domain",
            _ => words.ReplaceLineEndings(" ")[..Math.Min(words.Length, 80)],
        };
    }
}
