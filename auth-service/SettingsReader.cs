using System.Globalization;

namespace AuthService;

/// <summary>Reads one configuration section strictly and collects every fault, where the framework's binder stops at the
/// first and takes <c>5</c> for five days.</summary>
internal sealed class SettingsReader(IConfigurationSection section)
{
    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _faults = [];

    public IReadOnlyList<string> Faults => _faults;

    public void Fault(string name, string what) => _faults.Add($"{section.Path}:{name} {what}");

    public string? Text(string name)
    {
        _known.Add(name);
        return string.IsNullOrWhiteSpace(section[name]) ? null : section[name];
    }

    public TimeSpan Duration(string name, TimeSpan unset, TimeSpan min, TimeSpan max)
    {
        if (Text(name) is not { } text) return unset;
        // A bare number would be days.
        if (!text.Contains(':', StringComparison.Ordinal) || !TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var value))
            Fault(name, $"must be a duration as [d.]hh:mm:ss, not '{text}'.");
        else if (value < min || value > max)
            Fault(name, $"must be from {min} to {max}, not {text}.");
        else
            return value;
        return unset;
    }

    public bool Flag(string name, bool unset)
    {
        if (Text(name) is not { } text) return unset;
        if (bool.TryParse(text, out var value)) return value;
        Fault(name, $"must be true or false, not '{text}'.");
        return unset;
    }

    public int Number(string name, int unset, int min, int max)
    {
        if (Text(name) is not { } text) return unset;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max) return value;
        Fault(name, $"must be a whole number from {min} to {max}, not '{text}'.");
        return unset;
    }

    public IReadOnlyList<string> List(string name)
    {
        _known.Add(name);
        var list = section.GetSection(name);
        if (!string.IsNullOrEmpty(list.Value)) Fault(name, $"must be a list: {section.Path}:{name}:0, :1 …");
        return [.. list.GetChildren().Select(item => item.Value ?? "").Where(item => item.Length > 0)];
    }

    /// <summary>Faults every name that was neither read nor belongs to <paramref name="others"/>.</summary>
    public void FaultUnknown(params ReadOnlySpan<string> others)
    {
        foreach (var other in others) _known.Add(other);
        foreach (var child in section.GetChildren().Where(child => !_known.Contains(child.Key)))
            Fault(child.Key, $"is not a setting; known are {string.Join(", ", _known.Order(StringComparer.Ordinal))}.");
    }
}
