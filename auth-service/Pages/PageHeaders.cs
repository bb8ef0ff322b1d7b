using Microsoft.AspNetCore.Mvc.RazorPages;

namespace AuthService.Pages;

/// <summary>What every page says to the browser: run nothing, load nothing but the style sheet, be framed by nobody, be
/// kept nowhere.</summary>
internal static class PageHeaders
{
    /// <summary>Puts the headers on every page, whatever becomes of it.</summary>
    public static void UsePageHeaders(this WebApplication app) => app.Use((context, next) =>
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<PageActionDescriptor>() is not null) Set(context);
        return next(context);
    });

    /// <summary>Whether people see what the endpoint answers, so that a failure is to be shown as a page.</summary>
    public static bool IsForBrowsers(Endpoint? endpoint) =>
        endpoint?.Metadata.GetMetadata<PageActionDescriptor>() is not null || endpoint?.Metadata.GetMetadata<AnswersBrowsers>() is not null;

    /// <summary>Sets them when the answer begins: a failure on the way clears what was set before.</summary>
    public static void Set(HttpContext context) => context.Response.OnStarting(() =>
    {
        var headers = context.Response.Headers;
        headers.CacheControl = "no-store";
        headers.ContentSecurityPolicy =
            $"default-src 'none'; style-src 'self'; form-action 'self'{context.Features.Get<FormDestination>()?.Source}; frame-ancestors 'none'; base-uri 'none'";
        headers.XFrameOptions = "DENY"; // For browsers without frame-ancestors.
        headers.XContentTypeOptions = "nosniff";
        // Tickets stand in our addresses. Not "no-referrer": browsers would hide the Origin of our own forms then.
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        return Task.CompletedTask;
    });

    /// <summary>
    /// Lets the page's form end at a client. Browsers apply <c>form-action</c> to every redirect that follows a form, the
    /// client's own included (Chromium does), hence its scheme and not its address: many a callback redirects to another
    /// host. What the form sends goes to ourselves in any case.
    /// </summary>
    public static void AllowFormToEndAt(HttpContext context, string redirectUri)
    {
        if (Uri.TryCreate(redirectUri, UriKind.Absolute, out var uri))
            context.Features.Set(new FormDestination(uri.Scheme == Uri.UriSchemeHttp ? " http://127.0.0.1:*" : $" {uri.Scheme}:"));
    }

    private sealed record FormDestination(string Source);
}

/// <summary>Marks an endpoint that is no page but that browsers are sent to: its failures are shown as pages.</summary>
internal sealed class AnswersBrowsers
{
    public static AnswersBrowsers Instance { get; } = new();
}
