using System.Globalization;

namespace RevocationProtocol;

/// <summary>Position in a Redis stream: <c>ms-sequence</c>, ordered.</summary>
/// <param name="Milliseconds">First part.</param>
/// <param name="Sequence">Second part.</param>
public readonly record struct StreamId(ulong Milliseconds, ulong Sequence) : IComparable<StreamId>
{
    /// <summary>Reads the text form.</summary>
    /// <param name="text"><c>ms-sequence</c>.</param>
    public static StreamId Parse(string text)
    {
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        return new StreamId(
            ulong.Parse(text.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture),
            ulong.Parse(text.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture));
    }

    /// <inheritdoc/>
    public int CompareTo(StreamId other) =>
        Milliseconds != other.Milliseconds ? Milliseconds.CompareTo(other.Milliseconds) : Sequence.CompareTo(other.Sequence);

    /// <summary>Whether <paramref name="left"/> comes before <paramref name="right"/>.</summary>
    public static bool operator <(StreamId left, StreamId right) => left.CompareTo(right) < 0;

    /// <summary>Whether <paramref name="left"/> comes after <paramref name="right"/>.</summary>
    public static bool operator >(StreamId left, StreamId right) => left.CompareTo(right) > 0;

    /// <summary>Whether <paramref name="left"/> is <paramref name="right"/> or comes before it.</summary>
    public static bool operator <=(StreamId left, StreamId right) => left.CompareTo(right) <= 0;

    /// <summary>Whether <paramref name="left"/> is <paramref name="right"/> or comes after it.</summary>
    public static bool operator >=(StreamId left, StreamId right) => left.CompareTo(right) >= 0;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Milliseconds}-{Sequence}");
}
