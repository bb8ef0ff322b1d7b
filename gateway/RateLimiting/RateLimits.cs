using System.Collections.Concurrent;

namespace Gateway.RateLimiting;

/// <summary>
/// The counts of every definition in use. A reload that leaves a definition as it is leaves its counts; one that changes it
/// starts anew.
/// </summary>
internal sealed class RateLimits(TimeProvider time) : IDisposable
{
    private readonly Lock _changing = new();
    private readonly ConcurrentDictionary<string, RateLimit> _byName = new(StringComparer.OrdinalIgnoreCase);

    public RateLimit Of(RateLimitDefinition definition)
    {
        if (_byName.TryGetValue(definition.Name, out var known) && known.Definition == definition) return known;
        lock (_changing)
        {
            if (_byName.TryGetValue(definition.Name, out known))
            {
                if (known.Definition == definition) return known;
                known.Dispose();
            }

            return _byName[definition.Name] = new RateLimit(definition, time);
        }
    }

    public void Dispose()
    {
        foreach (var limit in _byName.Values) limit.Dispose();
    }
}
