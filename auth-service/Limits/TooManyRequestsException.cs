using System.Globalization;
using System.Text;
using AuthService.OAuth;
using AuthService.Tokens;
using ServiceHosting;

namespace AuthService.Limits;

/// <summary>A limit is used up. Answered 429 (RFC 6585 section 4) in the shape of the path's other refusals.</summary>
internal sealed class TooManyRequestsException(TimeSpan retryAfter) : Exception("Too many requests.")
{
    /// <summary>Stable reason code.</summary>
    public const string Code = "too_many_requests";

    /// <summary>Whole seconds until the next try, at least 1.</summary>
    private readonly long _seconds = Math.Max(1, (long)Math.Ceiling(retryAfter.TotalSeconds));

    /// <summary>What to do, for a person.</summary>
    public string Advice => $"Too many tries. Try again in {_seconds} {Unit}.";

    private string Unit => _seconds == 1 ? "second" : "seconds";

    /// <summary>Tells the client when to come back.</summary>
    public void SetRetryAfter(HttpContext context) => context.Response.Headers.RetryAfter = _seconds.ToString(CultureInfo.InvariantCulture);

    /// <summary>Answers a request with this refusal.</summary>
    public Task WriteAsync(HttpContext context)
    {
        SetRetryAfter(context);
        if (OAuthPaths.IsForClients(context.Request.Path))
        {
            RequestReason.Set(context, Code);
            return TokenAnswers.WriteAsync(
                context, StatusCodes.Status429TooManyRequests, Encoding.ASCII.GetBytes($$"""{"error":"temporarily_unavailable","error_description":"{{Advice}}"}"""));
        }

        if (!context.Request.Path.StartsWithSegments("/api/token", StringComparison.OrdinalIgnoreCase))
            return ProblemBody.WriteAsync(context, StatusCodes.Status429TooManyRequests, Code, Advice, context.RequestAborted);
        RequestReason.Set(context, Code);
        return TokenAnswers.WriteAsync(
            context, StatusCodes.Status429TooManyRequests,
            Encoding.ASCII.GetBytes($$"""{"detail":"Request was throttled. Expected available in {{_seconds}} {{Unit}}."}"""));
    }
}
