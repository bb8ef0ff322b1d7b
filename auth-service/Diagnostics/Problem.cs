using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;

namespace AuthService.Diagnostics;

/// <summary>Bodies of refusals: <c>application/problem+json</c> (RFC 9457) with a stable <c>code</c>.</summary>
internal static class Problem
{
    /// <summary>Writes the body; status and headers are the caller's.</summary>
    /// <param name="context">Request.</param>
    /// <param name="status">HTTP status, already set.</param>
    /// <param name="code">Stable, for programs.</param>
    /// <param name="detail">For people.</param>
    /// <param name="cancellationToken">Cancellation.</param>
    /// <param name="errors">Reasons by member of the request body.</param>
    public static Task WriteAsync(
        HttpContext context, int status, string code, string detail, CancellationToken cancellationToken,
        IReadOnlyDictionary<string, string[]>? errors = null)
    {
        var body = new Dictionary<string, object>
        {
            ["type"] = "about:blank",
            ["title"] = ReasonPhrases.GetReasonPhrase(status),
            ["status"] = status,
            ["detail"] = detail,
            ["code"] = code,
        };
        if (errors is not null) body["errors"] = errors;
        context.Response.ContentType = "application/problem+json";
        return context.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(body), cancellationToken).AsTask();
    }
}
