using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Testing;

namespace Deploy.Tests.Observability;

/// <summary>Alert rules and dashboards against the list of metrics, the closed lists of the code, and the runbooks.</summary>
public sealed partial class AlertTests
{
    private static readonly HashSet<string> Words = ["and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool", "le"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_alert_names_metrics_that_exist_and_a_runbook_that_is_there()
    {
        var rules = await RulesAsync();
        Assert.True(rules.Count >= 10);
        Assert.Equal(rules.Count, rules.Select(rule => (string)rule["alert"]!).Distinct().Count());
        Assert.All(rules, rule =>
        {
            AssertKnown((string)rule["alert"]!, (string)rule["expr"]!);
            Assert.Contains((string)rule["labels"]!["severity"]!, (string[])["info", "warning", "critical"]);
            Assert.NotNull(rule["annotations"]!["summary"]);
            var runbook = (string)rule["annotations"]!["runbook"]!;
            Assert.StartsWith("deploy/docs/runbooks/", runbook, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(Repository.Root, runbook)), runbook);
        });
        var named = rules.Select(rule => Path.GetFileName((string)rule["annotations"]!["runbook"]!)).ToHashSet();
        var written = Directory.GetFiles(Path.Combine(Repository.Root, "deploy", "docs", "runbooks"), "*.md").Select(file => Path.GetFileName(file)).ToList();
        Assert.Empty(written.Except(named));
    }

    [Fact]
    public async Task What_must_be_watched_has_an_alert()
    {
        var expressions = string.Join('\n', (await RulesAsync()).Select(rule => (string)rule["expr"]!));
        foreach (var watched in (string[])["revocation_propagation_milliseconds_bucket", "revocation_age_seconds", "redis_memory_used_bytes", "session.token_reused", "auth_service_signing_keys_next_change_seconds", "sign_in.failed", "5.."])
            Assert.Contains(watched, expressions, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_panel_of_every_dashboard_shows_metrics_that_exist()
    {
        var panels = 0;
        var uids = new HashSet<string>();
        foreach (var file in Directory.GetFiles(Path.Combine(Repository.Root, "deploy", "observability", "dashboards"), "*.json"))
        {
            var dashboard = JsonNode.Parse(File.ReadAllText(file))!;
            Assert.True(uids.Add((string)dashboard["uid"]!));
            foreach (var panel in dashboard["panels"]!.AsArray())
            {
                Assert.NotEmpty(panel!["targets"]!.AsArray());
                foreach (var target in panel["targets"]!.AsArray()) AssertKnown($"{Path.GetFileName(file)}: {panel["title"]}", (string)target!["expr"]!);
                panels++;
            }
        }

        Assert.True(panels >= 20);
    }

    private static async Task<IReadOnlyList<JsonNode>> RulesAsync()
    {
        var yaml = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "deploy", "observability", "alerts.yaml"), Cancellation);
        var document = await NodeProgram.RunAsync("parse.mjs", yaml, Cancellation);
        return [.. document["spec"]!["groups"]!.AsArray().SelectMany(group => group!["rules"]!.AsArray()).Select(rule => rule!)];
    }

    private static void AssertKnown(string where, string expression)
    {
        var known = TelemetryDocument.Own.Concat(TelemetryDocument.Platform).SelectMany(instrument => instrument.PrometheusNames).Concat(TelemetryDocument.Foreign).ToHashSet();
        var bare = Grouping().Replace(Range().Replace(Selector().Replace(expression, " "), " "), " ");
        var metrics = Name().Matches(bare).Select(match => match.Value).Where(name => !Words.Contains(name)).ToList();
        Assert.NotEmpty(metrics);
        Assert.All(metrics, metric => Assert.True(known.Contains(metric), $"{where}: there is no metric {metric}"));

        // Values of labels are those of the code's closed lists.
        foreach (Match label in LabelValue().Matches(expression))
        {
            var values = label.Groups["name"].Value switch
            {
                "reason" => Gateway.Diagnostics.Reason.All.Select(reason => reason.Code),
                "type" => AuthService.Audit.AuditTypes.All,
                "job" => Service.All.Select(service => service.Name),
                _ => null,
            };
            if (values is null) continue;
            var pattern = label.Groups["value"].Value;
            Assert.All(pattern.Contains('(', StringComparison.Ordinal) ? [pattern] : pattern.Split('|'), value =>
                Assert.True(values.Any(one => Regex.IsMatch(one, $"^({value})$", RegexOptions.None, TimeSpan.FromSeconds(1))), $"{where}: no {label.Groups["name"].Value} is {value}"));
        }
    }

    [GeneratedRegex(@"\{[^}]*\}", RegexOptions.None, 1000)]
    private static partial Regex Selector();

    [GeneratedRegex(@"\[[^\]]*\]|""[^""]*""", RegexOptions.None, 1000)]
    private static partial Regex Range();

    [GeneratedRegex(@"\b(by|without|on|ignoring) \([^)]*\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Grouping();

    [GeneratedRegex(@"(?<![\w.])[a-z_][a-z0-9_]*(?![\w(])(?!\s*\()", RegexOptions.None, 1000)]
    private static partial Regex Name();

    [GeneratedRegex("""(?<name>\w+)=~?"(?<value>[^"]*)""" + "\"", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex LabelValue();
}
