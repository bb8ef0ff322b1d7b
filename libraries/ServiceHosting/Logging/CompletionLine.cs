using System.Diagnostics;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace ServiceHosting.Logging;

/// <summary>A completion event as a line of JSON, with the members of Serilog's own lines.</summary>
internal static class CompletionLine
{
    /// <summary>Enough for a line whose texts are as long as usual.</summary>
    public const int UsualBytes = 1024;

    public static bool TryWrite(CompletionEvent completion, string service, Span<byte> line, out int written) => Utf8.TryWrite(
        line, CultureInfo.InvariantCulture,
        $$$"""
        {"Timestamp":"{{{completion.Time:O}}}","Level":"Information","MessageTemplate":"{{{CompletionEvent.Template}}}","TraceId":{{{new Text(completion.TraceId)}}}{{{new SpanMember(completion.SpanId)}}},"Properties":{"Method":"{{{completion.Method}}}","Route":{{{new Text(completion.Route)}}},"Status":{{{completion.Status}}},"Reason":{{{new Text(completion.Reason)}}},"DurationMs":{{{completion.Duration.TotalMilliseconds}}},"Client":{{{new Text(completion.Client?.ToString())}}},"EventId":{"Id":{{{CompletionEvent.Number}}},"Name":"{{{CompletionEvent.Name}}}"},"SourceContext":"{{{CompletionLogs.Category}}}","Service":{{{new Text(service)}}}}}

        """, out written);

    /// <summary>A JSON string, or null.</summary>
    private readonly record struct Text(string? Value) : IUtf8SpanFormattable
    {
        public bool TryFormat(Span<byte> destination, out int written, ReadOnlySpan<char> format, IFormatProvider? provider) => Value is null
            ? Utf8.TryWrite(destination, $"null", out written)
            // The same string where nothing needs escaping, which is nearly always.
            : Utf8.TryWrite(destination, $"\"{JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(Value)}\"", out written);
    }

    /// <summary>A member that is there only if there is a span.</summary>
    private readonly record struct SpanMember(ActivitySpanId Id) : IUtf8SpanFormattable
    {
        public bool TryFormat(Span<byte> destination, out int written, ReadOnlySpan<char> format, IFormatProvider? provider)
        {
            written = 0;
            return Id == default || Utf8.TryWrite(destination, $",\"SpanId\":\"{Id.ToHexString()}\"", out written);
        }
    }
}
