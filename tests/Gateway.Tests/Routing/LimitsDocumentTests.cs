using System.Globalization;
using Testing;

namespace Gateway.Tests.Routing;

/// <summary>The page about limits names such as exist, and the gateway has the defaults it says.</summary>
public sealed class LimitsDocumentTests
{
    [Fact]
    public async Task Every_limit_is_one_of_the_servers_with_the_gateways_default()
    {
        await using var gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration("{}"), TestContext.Current.CancellationToken);

        var rows = File.ReadLines(Path.Combine(Repository.Root, "deploy", "docs", "limits.md"))
            .Where(line => line.StartsWith("| `Kestrel:Limits:", StringComparison.Ordinal)).Select(line => line.Split('|', StringSplitOptions.TrimEntries)).ToList();
        Assert.True(rows.Count > 10);
        Assert.All(rows, row => Assert.Equal(row[2], Text(row[1].Trim('`').Split(':')[2..].Aggregate<string, object?>(gateway.Limits, Member))));
    }

    private static object? Member(object? owner, string name) =>
        (owner!.GetType().GetProperty(name) ?? throw new InvalidOperationException($"The server has no limit '{name}'.")).GetValue(owner);

    private static string? Text(object? value) => value is null || value.Equals(TimeSpan.MaxValue) ? "none" : Convert.ToString(value, CultureInfo.InvariantCulture);
}
