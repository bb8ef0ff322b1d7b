using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ServiceHosting;

/// <summary>
/// One event a request, when it has ended. It holds nothing that a client chose freely: no path, query, token, cookie or
/// other header. What a request throws ends here, as a problem body without details.
/// </summary>
internal sealed partial class RequestCompletion(
    RequestDelegate next, ServiceDescription service, TimeProvider time, IMeterFactory meters, ILogger<RequestCompletion> logger)
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
            if (context.Features.Get<RequestReason>()?.Code is { } code) _refusals.Add(1, new KeyValuePair<string, object?>("reason", code));
            if (logger.IsEnabled(LogLevel.Information)) Write(context, started, status);
        }
    }

    private void Write(HttpContext context, long started, int status)
    {
        var endpoint = context.GetEndpoint();
        Log.Completed(
            logger,
            KnownMethod(context.Request.Method),
            endpoint is null ? null : service.RouteName(endpoint),
            status != 0 ? status : context.Response.StatusCode,
            context.Features.Get<RequestReason>()?.Code,
            time.GetElapsedTime(started).TotalMilliseconds,
            Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier,
            context.Connection.RemoteIpAddress);
    }

    /// <summary>Any token is a method (RFC 9110 section 9.1): others than the registered ones are not repeated.</summary>
    private static string KnownMethod(string method) =>
        method is "GET" or "POST" or "PUT" or "PATCH" or "DELETE" or "HEAD" or "OPTIONS" or "CONNECT" or "TRACE" ? method : "other";

    private static partial class Log
    {
        [LoggerMessage(4000, LogLevel.Information,
            "{Method} {Route} {Status} {Reason} in {DurationMs} ms, trace {TraceId}, client {Client}")]
        public static partial void Completed(
            ILogger logger, string method, string? route, int status, string? reason, double durationMs, string traceId, IPAddress? client);

        [LoggerMessage(4002, LogLevel.Error, "A request failed unexpectedly")]
        public static partial void Unhandled(ILogger logger, Exception exception);
    }
}
