using AuthService.Diagnostics;
using AuthService.Limits;
using Microsoft.AspNetCore.Diagnostics;

namespace AuthService.Pages;

/// <summary>Shows as a page what fails on the way to one. Status, reason code and log are those of <see cref="FaultHandler"/>.</summary>
internal sealed class PageFaults(FaultHandler faults) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        // The handler's middleware has taken the endpoint off the request.
        var endpoint = httpContext.Features.Get<IExceptionHandlerFeature>()?.Endpoint;
        if (!PageHeaders.IsForBrowsers(endpoint) || httpContext.RequestAborted.IsCancellationRequested) return false;
        var again = httpContext.Request.Path + httpContext.Request.QueryString;
        var (status, code, page) = exception switch
        {
            FormRefusedException => (StatusCodes.Status400BadRequest, "form_refused", new ProblemPage(
                "This form is out of date", "You have signed in or out since it was opened, or your browser does not keep cookies. Open it again.", again)),
            InvalidDataException => (StatusCodes.Status400BadRequest, "bad_request", new ProblemPage("This form cannot be read", "Open it again and fill it in once more.", again)),
            TooManyRequestsException refusal => (StatusCodes.Status429TooManyRequests, TooManyRequestsException.Code, new ProblemPage("Too many tries", refusal.Advice, again)),
            _ => Describe(httpContext, exception, again),
        };
        (exception as TooManyRequestsException)?.SetRetryAfter(httpContext);
        await ProblemPage.WriteAsync(httpContext, status, code, page);
        return true;
    }

    private (int Status, string Code, ProblemPage Page) Describe(HttpContext context, Exception exception, string again)
    {
        var (status, code) = faults.Report(context, exception);
        return (status, code, status switch
        {
            StatusCodes.Status503ServiceUnavailable => new ProblemPage("Not just now", "The service is busy or starting. Nothing was changed. Try again in a few seconds.", again),
            < StatusCodes.Status500InternalServerError => new ProblemPage("This request cannot be read", "Go back and try again.", again),
            _ => new ProblemPage("Something went wrong", "It is our fault, and it was recorded. Try again later.", again),
        });
    }
}
