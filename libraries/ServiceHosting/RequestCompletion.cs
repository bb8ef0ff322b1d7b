using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using ServiceHosting.Logging;

namespace ServiceHosting;

/// <summary>
/// One event a request, when it has ended. It holds nothing that a client chose freely: no path, query, token, cookie or
/// other header. What a request throws ends here, as a problem body without details.
/// </summary>
internal sealed partial class RequestCompletion(
    RequestDelegate next, ServiceDescription service, TimeProvider time, IConfiguration configuration, IMeterFactory meters, ILogger<RequestCompletion> logger,
    CompletionLog completions)
{
    public const string Meter = "ServiceHosting";

    /// <summary>Never sent: the client had gone. The number nginx uses in its logs.</summary>
    private const int ClientClosedRequest = 499;

    // Without an exporter a span may be there all the same, for the trace id in logs; nobody reads more of it.
    private readonly bool _exportsSpans = TelemetryExport.IsConfigured(configuration);
    private readonly Counter<long> _refusals = meters.Create(Meter).CreateCounter<long>(
        "service.refusals", "{request}", "Requests answered with a problem, by its stable code.");

    public async Task InvokeAsync(HttpContext context)
    {
        var started = time.GetTimestamp();
        var status = 0;
        try
        {
            await next(context);
            if (context.Response is { StatusCode: >= StatusCodes.Status400BadRequest, HasStarted: false }) await service.CompleteRefusal(context);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            status = ClientClosedRequest;
        }
        catch (BadHttpRequestException exception) when (!context.Response.HasStarted)
        {
            await ProblemBody.WriteAsync(context, exception.StatusCode, "request_malformed", "The request is malformed.", context.RequestAborted);
        }
        catch (Exception exception)
        {
            Log.Unhandled(logger, exception);
            if (context.Response.HasStarted) throw;
            context.Response.Clear();
            await ProblemBody.WriteAsync(
                context, StatusCodes.Status500InternalServerError, "internal_error", "The service failed.", context.RequestAborted);
        }
        finally
        {
            // Only a refusal has one; to look for what is not there takes longest.
            var reason = context.Response.StatusCode < StatusCodes.Status400BadRequest ? null : context.Features.Get<RequestReason>()?.Code;
            if (reason is not null) _refusals.Add(1, new KeyValuePair<string, object?>("reason", reason));
            if (_exportsSpans && Activity.Current is { } span) Describe(span, context, status, reason);
            if (completions.IsEnabled) Write(context, started, status, reason);
        }
    }

    /// <summary>ASP.NET Core 10 leaves its span without a name and tags of its own; those a client chooses are not among these either.</summary>
    private void Describe(Activity span, HttpContext context, int status, string? reason)
    {
        var method = KnownMethod(context.Request.Method);
        var route = context.GetEndpoint() is { } endpoint ? service.RouteName(endpoint) : null;
        span.DisplayName = route is null ? method : $"{method} {route}";
        span.SetTag("http.request.method", method);
        if (route is not null) span.SetTag("http.route", route);
        status = status != 0 ? status : context.Response.StatusCode;
        span.SetTag("http.response.status_code", status);
        if (reason is not null) span.SetTag("error.type", reason);
        if (status >= StatusCodes.Status500InternalServerError) span.SetStatus(ActivityStatusCode.Error);
    }

    private void Write(HttpContext context, long started, int status, string? reason)
    {
        var endpoint = context.GetEndpoint();
        var activity = Activity.Current;
        var completion = new CompletionEvent
        {
            Time = time.GetLocalNow(),
            Method = KnownMethod(context.Request.Method),
            Route = endpoint is null ? null : service.RouteName(endpoint),
            Status = status != 0 ? status : context.Response.StatusCode,
            Reason = reason,
            Duration = time.GetElapsedTime(started),
            TraceId = activity?.TraceId.ToHexString() ?? context.TraceIdentifier,
            SpanId = activity?.SpanId ?? default,
            Client = context.Connection.RemoteIpAddress,
        };
        completions.Write(completion);
    }

    /// <summary>Any token is a method (RFC 9110 section 9.1): others than the registered ones are not repeated.</summary>
    private static string KnownMethod(string method) =>
        method is "GET" or "POST" or "PUT" or "PATCH" or "DELETE" or "HEAD" or "OPTIONS" or "CONNECT" or "TRACE" ? method : "other";

    private static partial class Log
    {
        [LoggerMessage(4002, LogLevel.Error, "A request failed unexpectedly")]
        public static partial void Unhandled(ILogger logger, Exception exception);
    }
}
