using AuthService.Pages;

namespace AuthService.OAuth;

/// <summary>What the endpoints answer that browsers are sent to.</summary>
internal static class BrowserAnswers
{
    /// <summary>The addresses hold codes and tickets: they are kept nowhere, and told to nobody.</summary>
    public static void SetHeaders(HttpContext context) => context.Response.OnStarting(() =>
    {
        var headers = context.Response.Headers;
        headers.CacheControl = "no-store";
        headers.Pragma = "no-cache";
        headers["Referrer-Policy"] = "no-referrer";
        headers.XFrameOptions = "DENY";
        headers.XContentTypeOptions = "nosniff";
        return Task.CompletedTask;
    });

    /// <summary>303 whatever the method: no browser sends a form on (RFC 9700 section 4.12).</summary>
    public static Task RedirectAsync(HttpContext context, string address)
    {
        context.Response.StatusCode = StatusCodes.Status303SeeOther;
        context.Response.Headers.Location = address;
        context.Response.ContentLength = 0;
        return Task.CompletedTask;
    }

    /// <summary>Tells the person, who can do little about it: the client that sent the browser is at fault, or time is.</summary>
    public static Task ProblemAsync(HttpContext context, int status, string detail) => ProblemPage.WriteAsync(
        context, status, "invalid_request", new ProblemPage("This request cannot be answered", $"{detail} Go back to the application that sent you here, and begin again there."));
}
