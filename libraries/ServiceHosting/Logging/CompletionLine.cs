using System.Buffers;
using System.Net;
using System.Text.Json;
using Serilog.Events;

namespace ServiceHosting.Logging;

/// <summary>A completion event as a line of JSON, with the members of Serilog's own lines.</summary>
internal static class CompletionLine
{
    public static void Write(CompletionEvent completion, string service, IBufferWriter<byte> output, Utf8JsonWriter json)
    {
        json.Reset(output);
        json.WriteStartObject();
        json.WriteString("Timestamp"u8, completion.Time);
        json.WriteString("Level"u8, nameof(LogEventLevel.Information));
        json.WriteString("MessageTemplate"u8, CompletionEvent.Template);
        json.WriteString("TraceId"u8, completion.TraceId);
        if (completion.SpanId != default) json.WriteString("SpanId"u8, completion.SpanId.ToHexString());

        json.WriteStartObject("Properties"u8);
        json.WriteString("Method"u8, completion.Method);
        json.WriteString("Route"u8, completion.Route);
        json.WriteNumber("Status"u8, completion.Status);
        json.WriteString("Reason"u8, completion.Reason);
        json.WriteNumber("DurationMs"u8, completion.Duration.TotalMilliseconds);
        WriteClient(completion.Client, json);
        json.WriteStartObject("EventId"u8);
        json.WriteNumber("Id"u8, CompletionEvent.Id.Id);
        json.WriteString("Name"u8, CompletionEvent.Id.Name);
        json.WriteEndObject();
        json.WriteString("SourceContext"u8, CompletionLogs.Category);
        json.WriteString("Service"u8, service);
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        output.Write("\n"u8);
    }

    private static void WriteClient(IPAddress? client, Utf8JsonWriter json)
    {
        Span<char> text = stackalloc char[64];
        if (client is null) json.WriteNull("Client"u8);
        else if (client.TryFormat(text, out var length)) json.WriteString("Client"u8, text[..length]);
    }
}
