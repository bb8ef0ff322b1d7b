using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;

namespace Testing;

/// <summary>Collects the instruments that come to be while it lives, and reads those that a document lists.</summary>
public sealed partial class Instruments : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly HashSet<string> _published = [];
    private readonly ConcurrentDictionary<(string Name, object? Scope), long> _totals = new();

    /// <summary>Collects those of some meters.</summary>
    public Instruments(params IReadOnlyCollection<string> meters)
    {
        _listener.InstrumentPublished = (instrument, _) =>
        {
            if (!meters.Contains(instrument.Meter.Name)) return;
            lock (_published) _published.Add($"{instrument.Name} {instrument.Meter.Name} {instrument.Unit}");
            _listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => _totals.AddOrUpdate((instrument.Name, instrument.Meter.Scope), value, (_, total) => total + value));
        _listener.Start();
    }

    /// <summary>The sum of what a counter of one factory's meters has counted since; other tests have factories of their own.</summary>
    public long Total(string name, IMeterFactory factory) => _totals.GetValueOrDefault((name, factory));

    /// <summary>Name, meter and unit of each, in order.</summary>
    public IReadOnlyList<string> Published
    {
        get
        {
            lock (_published) return [.. _published.Order(StringComparer.Ordinal)];
        }
    }

    /// <summary>Those of some meters in the tables of a document: name, meter and unit in its first columns.</summary>
    public static IReadOnlyList<string> Documented(string document, params IReadOnlyCollection<string> meters) =>
        [.. Row().Matches(File.ReadAllText(Path.Combine(Repository.Root, document)))
            .Where(row => meters.Contains(row.Groups["meter"].Value))
            .Select(row => $"{row.Groups["name"].Value} {row.Groups["meter"].Value} {row.Groups["unit"].Value}")
            .Order(StringComparer.Ordinal)];

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    [GeneratedRegex("^\\| `(?<name>[^`]+)` \\| `(?<meter>[^`]+)` \\| `(?<unit>[^`]+)` \\|", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Row();
}
