using System.Text.RegularExpressions;
using Testing;

namespace Deploy.Tests.Documents;

/// <summary>Pages that name tests, files and pages name such as exist.</summary>
public sealed partial class ThreatModelTests
{
    [Fact]
    public void Every_threat_names_a_test_that_exists()
    {
        var tests = Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests"), "*.cs", SearchOption.AllDirectories).Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
            .SelectMany(file => Method().Matches(File.ReadAllText(file)).Select(match => match.Groups["name"].Value)).ToHashSet();
        Assert.True(tests.Count > 500);

        var rows = File.ReadLines(Path.Combine(Repository.Root, "deploy", "docs", "threat-model.md")).Where(line => line.StartsWith("| ", StringComparison.Ordinal))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries)).Where(cells => cells.Length == 6 && cells[4] is not ("test" or "---")).ToList();
        Assert.True(rows.Count > 30);
        Assert.All(rows, cells =>
        {
            var named = Quoted().Matches(cells[4]).Select(match => match.Groups["name"].Value).ToList();
            Assert.NotEmpty(named);
            Assert.All(named, name => Assert.True(tests.Contains(name), $"{cells[1]}: there is no test {name}"));
        });
    }

    [Fact]
    public void Every_link_between_documents_leads_somewhere()
    {
        var documents = Directory.GetFiles(Repository.Root, "*.md").Concat(Directory.GetFiles(Path.Combine(Repository.Root, "deploy"), "*.md", SearchOption.AllDirectories)).ToList();
        var links = documents.SelectMany(file => Link().Matches(File.ReadAllText(file)).Select(match => (File: file, Target: match.Groups["target"].Value)))
            .Where(link => !link.Target.Contains("://", StringComparison.Ordinal) && !link.Target.StartsWith('#')).ToList();
        Assert.True(links.Count > 20);
        Assert.All(links, link => Assert.True(Path.Exists(Path.Combine(Path.GetDirectoryName(link.File)!, link.Target.Split('#')[0])), $"{Path.GetFileName(link.File)}: {link.Target}"));
    }

    [GeneratedRegex(@"(Task|void|Property) (?<name>\w+_\w+)\(", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Method();

    [GeneratedRegex(@"`(?<name>\w+)`", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Link();
}
