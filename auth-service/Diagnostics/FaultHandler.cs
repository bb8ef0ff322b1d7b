using AuthService.Limits;
using AuthService.SigningKeys;
using AuthService.Tokens;
using AuthService.Users;
using ForwardedIdentity;
using Microsoft.AspNetCore.Diagnostics;
using RevocationProtocol;
using ServiceHosting;

namespace AuthService.Diagnostics;

/// <summary>Turns failures into answers: a store that is away is 503 with <c>Retry-After</c>, a request the framework
/// cannot read is 400, and only what is our own fault is 500. Bodies are problem+json (RFC 9457).</summary>
internal sealed partial class FaultHandler(ILogger<FaultHandler> logger) : IExceptionHandler
{
    private const string RetryAfterSeconds = "2";

    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        // Who has gone away gets no answer.
        if (exception is OperationCanceledException && httpContext.RequestAborted.IsCancellationRequested) return true;
        if (exception is TooManyRequestsException refusal)
        {
            await refusal.WriteAsync(httpContext);
            return true;
        }
        var (status, code) = Report(httpContext, exception);
        await ProblemBody.WriteAsync(httpContext, status, code, Describe(exception).Detail, cancellationToken);
        return true;
    }

    /// <summary>Logs a failure and says what it is answered with, whatever the form of the answer.</summary>
    public (int Status, string Code) Report(HttpContext context, Exception exception)
    {
        var (status, code, _) = Describe(exception);
        if (status == StatusCodes.Status500InternalServerError) Log.Failed(logger, exception);
        else if (status == StatusCodes.Status503ServiceUnavailable) Log.Unavailable(logger, code, exception.GetType().Name, exception.Message);
        if (status == StatusCodes.Status503ServiceUnavailable) context.Response.Headers.RetryAfter = RetryAfterSeconds;
        return (status, code);
    }

    private static (int Status, string Code, string Detail) Describe(Exception exception) => exception switch
    {
        BadHttpRequestException bad => (bad.StatusCode, "bad_request", "The request cannot be read."),
        RedisUnavailableException => (StatusCodes.Status503ServiceUnavailable, "sessions_unavailable", "The session store does not answer. Try again shortly."),
        PasswordHashingBusyException => (StatusCodes.Status503ServiceUnavailable, "sign_in_busy", "Too many sign-ins at this moment. Try again shortly."),
        IdentityKeysUnavailableException => (StatusCodes.Status503ServiceUnavailable, "identity_keys_unavailable", "The gateway's identity keys cannot be fetched. Try again shortly."),
        SigningKeysUnavailableException => (StatusCodes.Status503ServiceUnavailable, "keys_unavailable", "The keys cannot be read at the moment. Try again shortly."),
        AccessTokenTooLargeException => (StatusCodes.Status500InternalServerError, "token_too_large", "The user has too many roles and claims for a token; an administrator must take some away."),
        _ when UsersDatabaseFaults.IsAway(exception) => (StatusCodes.Status503ServiceUnavailable, "users_unavailable", "The user database does not answer. Try again shortly."),
        _ => (StatusCodes.Status500InternalServerError, "internal_error", "The request failed; the log has the reason under the trace id."),
    };

    private static partial class Log
    {
        [LoggerMessage(2900, LogLevel.Error, "A request failed")]
        public static partial void Failed(ILogger logger, Exception exception);

        [LoggerMessage(2901, LogLevel.Warning, "A request was answered 503 {Code}: {Failure}: {Message}")]
        public static partial void Unavailable(ILogger logger, string code, string failure, string message);
    }
}
