using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace ServiceHosting;

/// <summary>Writes <c>application/problem+json</c> (RFC 9457) with the stable member <c>code</c>.</summary>
public static class ProblemBody
{
    /// <summary>
    /// Sets the status and writes the body; <paramref name="code"/> is also the reason code of the completion event.
    /// The type is <c>about:blank</c>, so the title is the status phrase (RFC 9457 section 4.2.1).
    /// </summary>
    public static Task WriteAsync(HttpContext context, int status, string code, string detail, CancellationToken cancellationToken)
    {
        RequestReason.Set(context, code);
        var body = Serialize(status, code, detail);
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = "application/problem+json";
        response.ContentLength = body.Length;
        response.Headers.CacheControl = "no-store";
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : response.Body.WriteAsync(body, cancellationToken).AsTask();
    }

    /// <summary>The body alone.</summary>
    public static ReadOnlyMemory<byte> Serialize(int status, string code, string detail)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteString("type", "about:blank");
        json.WriteString("title", ReasonPhrases.GetReasonPhrase(status));
        json.WriteNumber("status", status);
        json.WriteString("detail", detail);
        json.WriteString("code", code);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }
}

/// <summary>The stable code of why a request was refused, for its completion event.</summary>
public sealed class RequestReason
{
    private RequestReason(string code) => Code = code;

    /// <summary>The code, for example <c>token_expired</c>.</summary>
    public string Code { get; }

    /// <summary>Says why this request is refused.</summary>
    public static void Set(HttpContext context, string code) => context.Features.Set(new RequestReason(code));
}
