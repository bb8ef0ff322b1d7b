namespace AuthService.Administration;

/// <summary>A member of a change that may be absent, which is not the same as null: what is absent stays as it is (RFC 7396).</summary>
internal readonly struct Given<T>
{
    private Given(T value) => (IsGiven, Value) = (true, value);

    public bool IsGiven { get; }

    public T Value { get; }

    /// <summary>The value, or what stands now.</summary>
    public T Or(T present) => IsGiven ? Value : present;

    public static implicit operator Given<T>(T value) => new(value);
}

/// <summary>Collects what is wrong, so that all of it is answered at once.</summary>
internal sealed class Faults
{
    private readonly Dictionary<string, List<string>> _faults = new(StringComparer.Ordinal);

    public bool Any => _faults.Count > 0;

    public void Add(string member, string reason)
    {
        if (!_faults.TryGetValue(member, out var reasons)) _faults[member] = reasons = [];
        if (!reasons.Contains(reason)) reasons.Add(reason);
    }

    /// <exception cref="RefusedException">Something was added.</exception>
    public void ThrowIfAny()
    {
        if (Any) throw RefusedException.Invalid(_faults.ToDictionary(fault => fault.Key, fault => fault.Value.ToArray(), StringComparer.Ordinal));
    }
}
