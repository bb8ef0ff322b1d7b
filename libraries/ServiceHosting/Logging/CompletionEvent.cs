using System.Collections;
using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.Logging;

namespace ServiceHosting.Logging;

/// <summary>
/// How a request ended. Every provider of logs can read it as the properties of its template; <see cref="CompletionLog"/>
/// takes it as it is.
/// </summary>
internal sealed class CompletionEvent : IReadOnlyList<KeyValuePair<string, object?>>
{
    public const string Template = "{Method} {Route} {Status} {Reason} in {DurationMs} ms, trace {TraceId}, client {Client}";

    public const int Number = 4000;

    public const string Name = "Completed";

    public static readonly EventId Id = new(Number, Name);

    /// <summary>When it ended.</summary>
    public required DateTimeOffset Time { get; init; }

    public required string Method { get; init; }

    public required string? Route { get; init; }

    public required int Status { get; init; }

    /// <summary>The code of a refusal.</summary>
    public required string? Reason { get; init; }

    public required TimeSpan Duration { get; init; }

    public required string TraceId { get; init; }

    public required ActivitySpanId SpanId { get; init; }

    public required IPAddress? Client { get; init; }

    public int Count => 8;

    public KeyValuePair<string, object?> this[int index] => index switch
    {
        0 => new("Method", Method),
        1 => new("Route", Route),
        2 => new("Status", Status),
        3 => new("Reason", Reason),
        4 => new("DurationMs", Duration.TotalMilliseconds),
        5 => new("TraceId", TraceId),
        6 => new("Client", Client),
        7 => new("{OriginalFormat}", Template),
        _ => throw new ArgumentOutOfRangeException(nameof(index)),
    };

    public override string ToString() =>
        $"{Method} {Route ?? "(null)"} {Status} {Reason ?? "(null)"} in {Duration.TotalMilliseconds} ms, trace {TraceId}, client {Client}";

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
    {
        for (var i = 0; i < Count; i++) yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
