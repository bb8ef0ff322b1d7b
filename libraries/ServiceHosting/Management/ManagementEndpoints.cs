using System.Buffers;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace ServiceHosting.Management;

/// <summary>Answers everything that comes in on the management port; nothing falls through to the public pipeline.</summary>
internal sealed class ManagementEndpoints(
    IEnumerable<IReadinessCheck> checks, IEnumerable<ManagementRoute> routes, IOptions<ManagementOptions> options)
{
    private readonly IReadinessCheck[] _checks = [.. checks];
    private readonly ManagementRoute[] _routes = [.. routes];

    public Task InvokeAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        // Probes every few seconds would be most of all traces.
        if (Activity.Current is { } span) span.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
        // RFC 9110 section 7.4: not authoritative for that host. Stops DNS rebinding from a browser on this machine.
        if (!IsKnownHost(context)) return RefuseAsync(context, StatusCodes.Status421MisdirectedRequest, "unknown_host", "Unknown Host.");

        var (method, path) = (context.Request.Method, context.Request.Path);
        if (path == "/healthz/live") return Answer(context, static (context, _) => WriteAsync(context, StatusCodes.Status200OK, "live", []), []);
        if (path == "/healthz/ready") return Answer(context, ReadyAsync, _checks);

        var found = Array.FindAll(_routes, route => path == route.Path);
        if (found.Length == 0) return RefuseAsync(context, StatusCodes.Status404NotFound, "not_found", "No such management endpoint.");
        if (Array.Find(found, route => route.Method == method) is { } matching) return matching.Handler(context);
        return NotAllowed(context, string.Join(", ", found.Select(route => route.Method)));
    }

    private bool IsKnownHost(HttpContext context)
    {
        var host = context.Request.Host.Host;
        if (options.Value.AllowedHosts.Contains(host, StringComparer.OrdinalIgnoreCase)) return true;
        var local = context.Connection.LocalIpAddress;
        if (local is null) return false;
        if (local.IsIPv4MappedToIPv6) local = local.MapToIPv4();
        return host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            ? IPAddress.IsLoopback(local)
            : IPAddress.TryParse(host, out var address) && address.Equals(local);
    }

    private static Task Answer(HttpContext context, Func<HttpContext, IReadinessCheck[], Task> answer, IReadinessCheck[] checks) =>
        HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)
            ? answer(context, checks)
            : NotAllowed(context, "GET, HEAD");

    private static Task ReadyAsync(HttpContext context, IReadinessCheck[] checks)
    {
        var reasons = new List<(string Check, string Reason)>();
        foreach (var check in checks)
        {
            if (check.NotReadyReason is { } reason) reasons.Add((check.Name, reason));
        }

        return reasons.Count == 0
            ? WriteAsync(context, StatusCodes.Status200OK, "ready", reasons)
            : WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "not ready", reasons);
    }

    private static Task WriteAsync(HttpContext context, int status, string text, List<(string Check, string Reason)> reasons)
    {
        var body = Serialize(text, reasons);
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : context.Response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }

    private static ReadOnlyMemory<byte> Serialize(string text, List<(string Check, string Reason)> reasons)
    {
        var buffer = new ArrayBufferWriter<byte>(128);
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteString("status", text);
        json.WriteStartArray("reasons");
        foreach (var (check, reason) in reasons)
        {
            json.WriteStartObject();
            json.WriteString("check", check);
            json.WriteString("reason", reason);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    private static Task NotAllowed(HttpContext context, string allowed)
    {
        context.Response.Headers.Allow = allowed;
        return RefuseAsync(context, StatusCodes.Status405MethodNotAllowed, "method_not_allowed", "The endpoint has other methods.");
    }

    private static Task RefuseAsync(HttpContext context, int status, string code, string detail) =>
        ProblemBody.WriteAsync(context, status, code, detail, context.RequestAborted);
}
