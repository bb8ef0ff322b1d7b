using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using ServiceHosting.Logging;

namespace ServiceHosting;

/// <summary>
/// One event a request, when it has ended. It holds nothing that a client chose freely: no path, query, token, cookie or
/// other header. What a request throws ends here, as a problem body without details.
/// </summary>
internal sealed partial class RequestCompletion(
    RequestDelegate next, ServiceDescription service, TimeProvider time, IMeterFactory meters, ILogger<RequestCompletion> logger,
    ILogger<CompletionEvent> completions)
{
    public const string Meter = "ServiceHosting";

    /// <summary>Never sent: the client had gone. The number nginx uses in its logs.</summary>
    private const int ClientClosedRequest = 499;

    private readonly Counter<long> _refusals = meters.Create(Meter).CreateCounter<long>(
        "service.refusals", "{request}", "Requests answered with a problem, by its stable code.");

    public async Task InvokeAsync(HttpContext context)
    {
        var started = time.GetTimestamp();
        var status = 0;
        try
        {
            await next(context);
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
            var reason = context.Features.Get<RequestReason>()?.Code;
            if (reason is not null) _refusals.Add(1, new KeyValuePair<string, object?>("reason", reason));
            if (completions.IsEnabled(LogLevel.Information)) Write(context, started, status, reason);
        }
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
        completions.Log(LogLevel.Information, CompletionEvent.Id, completion, null, static (completion, _) => completion.ToString());
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
