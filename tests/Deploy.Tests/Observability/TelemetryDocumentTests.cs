using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Deploy.Tests.Kubernetes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Testing;

namespace Deploy.Tests.Observability;

/// <summary>The list of instruments and those of the code are the same.</summary>
public sealed partial class TelemetryDocumentTests
{
    [Fact]
    public async Task Instruments_of_the_code_are_those_documented_and_are_exported()
    {
        var published = new Dictionary<string, Instrument>();
        var meters = TelemetryDocument.Own.Select(instrument => instrument.Meter).ToHashSet();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            if (!instrument.Meter.Name.StartsWith("Microsoft.", StringComparison.Ordinal) && !instrument.Meter.Name.StartsWith("System.", StringComparison.Ordinal) && InCode().ContainsKey(instrument.Name))
                lock (published) published[instrument.Name] = instrument;
        };
        listener.Start();
        // What makes them is made when the hosted services are, and what they hold.
        var overlay = await Overlay.ReadAsync("development");
        var exported = new HashSet<string>();
        foreach (var container in overlay.OwnContainers.Where(container => container.Owner.StartsWith("Deployment", StringComparison.Ordinal)))
        {
            using var provided = overlay.Provide(container);
            await using var app = container.Service!.Build(provided);
            _ = app.Services.GetServices<IHostedService>().ToList();
            exported.UnionWith(container.Service.Description.TelemetrySources);
        }

        await using (await ManagedService.StartAsync())
        {
            // Any service counts its refusals.
        }

        Assert.NotEmpty(published);
        Assert.Equal(InCode().Keys.Order(StringComparer.Ordinal), TelemetryDocument.Own.Select(instrument => instrument.Name).Order(StringComparer.Ordinal));
        Assert.Equal(
            TelemetryDocument.Own.Select(instrument => $"{instrument.Name} {instrument.Meter} {instrument.Unit} {instrument.Kind}").Order(StringComparer.Ordinal),
            published.Values.Select(instrument => $"{instrument.Name} {instrument.Meter.Name} {instrument.Unit} {Kind(instrument)}").Order(StringComparer.Ordinal));
        Assert.Empty(meters.Except([.. exported, "ServiceHosting"]));
    }

    [Fact]
    public async Task Instruments_of_the_platform_that_are_named_exist()
    {
        var published = new HashSet<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, _) =>
        {
            lock (published) published.Add($"{instrument.Name} {instrument.Meter.Name} {instrument.Unit} {Kind(instrument)}");
        };
        listener.Start();
        await using var service = await ManagedService.StartAsync();
        await service.GetAsync("/healthz/live");
        using (var client = new HttpClient()) await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri("http://127.0.0.1:1/"), TestContext.Current.CancellationToken));

        Assert.NotEmpty(TelemetryDocument.Platform);
        lock (published) Assert.Empty(TelemetryDocument.Platform.Select(instrument => $"{instrument.Name} {instrument.Meter} {instrument.Unit} {instrument.Kind}").Except(published));
    }

    /// <summary>Names of instruments in the sources, with the file.</summary>
    private static Dictionary<string, string> InCode() => Sources.Value;

    private static readonly Lazy<Dictionary<string, string>> Sources = new(() =>
    {
        var found = new Dictionary<string, string>();
        foreach (var part in (string[])["gateway", "auth-service", "libraries", "sample-backend"])
        {
            foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Root, part), "*.cs", SearchOption.AllDirectories).Where(file => !file.Contains("/obj/", StringComparison.Ordinal)))
            {
                foreach (Match match in Creation().Matches(File.ReadAllText(file))) found[match.Groups["name"].Value] = file;
            }
        }

        return found;
    });

    private static string Kind(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "Counter" or "ObservableCounter" => "counter",
        "Histogram" => "histogram",
        _ => "gauge",
    };

    [GeneratedRegex("""\.Create(Observable)?(Counter|UpDownCounter|Histogram|Gauge)(<\w+>)?\(\s*"(?<name>[^"]+)""" + "\"", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Creation();
}
