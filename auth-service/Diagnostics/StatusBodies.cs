using ServiceHosting;

namespace AuthService.Diagnostics;

internal static class StatusBodies
{
    /// <summary>Gives the framework's own refusals (no such path, method, media type) a problem+json body.</summary>
    public static void UseStatusBodies(this WebApplication app) => app.UseStatusCodePages(pages =>
    {
        var (code, detail) = pages.HttpContext.Response.StatusCode switch
        {
            StatusCodes.Status400BadRequest => ("bad_request", "The request cannot be read."),
            StatusCodes.Status404NotFound => ("not_found", "There is nothing at this path."),
            StatusCodes.Status405MethodNotAllowed => ("method_not_allowed", "This path does not take this method; Allow lists those it takes."),
            StatusCodes.Status413PayloadTooLarge => ("body_too_large", "The body is too large."),
            StatusCodes.Status415UnsupportedMediaType => ("unsupported_media_type", "The body is not of a media type this path takes."),
            _ => ("refused", "The request was refused."),
        };
        return ProblemBody.WriteAsync(pages.HttpContext, pages.HttpContext.Response.StatusCode, code, detail, pages.HttpContext.RequestAborted);
    });
}
