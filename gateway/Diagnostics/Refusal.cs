using ServiceHosting;

namespace Gateway.Diagnostics;

/// <summary>Answers a request with a <see cref="Reason"/>.</summary>
internal static class Refusal
{
    /// <summary>Writes status, challenge and problem body. Nothing of the answer may have been sent before.</summary>
    /// <param name="context">The request.</param>
    /// <param name="reason">Why it is refused.</param>
    /// <param name="requiredScope">Space-separated scopes for the challenge of a 403 (RFC 6750 section 3), if the route wants any.</param>
    /// <param name="detail">A sentence that says more than the reason's own, and like it holds nothing that a client wrote.</param>
    public static Task RefuseAsync(this HttpContext context, Reason reason, string? requiredScope = null, string? detail = null)
    {
        var headers = context.Response.Headers;
        if (reason.Challenge is { } challenge)
            headers.WWWAuthenticate = requiredScope is null ? challenge : $"{challenge}, scope=\"{requiredScope}\"";
        if (reason.RetryAfter is { } retryAfter) headers.RetryAfter = retryAfter;
        return ProblemBody.WriteAsync(context, reason.Status, reason.Code, detail ?? reason.Detail, context.RequestAborted);
    }
}
