using System.Runtime.InteropServices;
using System.Text.Json;

namespace Gateway.Authentication;

/// <summary>
/// Values that stand in many tokens with the same text, such as a client or a list of roles: read once, and one object for all
/// tokens, so that these are smaller and processors' caches hold more of them. Any number of threads.
/// </summary>
/// <param name="read">What the JSON means: depends on its text alone, and is never changed.</param>
internal sealed class RepeatedValues<T>(Func<JsonElement, T> read)
{
    private const int MaxKnown = 512;
    private const int MaxLength = 256;

    // Where two texts meet, the later one takes the place: nobody's choice of texts can fill it for ever.
    private readonly Known?[] _known = new Known?[MaxKnown];

    public T Get(JsonElement value)
    {
        var json = JsonMarshal.GetRawUtf8Value(value);
        if (json.Length > MaxLength) return read(value);
        var hash = string.GetHashCode(MemoryMarshal.Cast<byte, char>(json), StringComparison.Ordinal);
        ref var place = ref _known[(uint)hash % MaxKnown];
        var known = Volatile.Read(ref place);
        if (known is null || !json.SequenceEqual(known.Json)) Volatile.Write(ref place, known = new Known(json.ToArray(), read(value)));
        return known.Value;
    }

    private sealed record Known(byte[] Json, T Value);
}
