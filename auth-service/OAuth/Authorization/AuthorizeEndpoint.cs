using AuthService.Pages;

namespace AuthService.OAuth.Authorization;

/// <summary><c>/connect/authorize</c> (RFC 6749 section 3.1) and where pages send the browser back to. Never answers a script
/// of another origin: there is no CORS here.</summary>
internal static class AuthorizeEndpoint
{
    public static IEndpointRouteBuilder MapAuthorizeEndpoint(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet(OAuthPaths.Authorize, StartAsync).WithMetadata(AnswersBrowsers.Instance);
        endpoints.MapPost(OAuthPaths.Authorize, StartAsync).WithMetadata(AnswersBrowsers.Instance);
        endpoints.MapGet(OAuthPaths.Resume, ResumeAsync).WithMetadata(AnswersBrowsers.Instance);
        return endpoints;
    }

    private static async Task StartAsync(HttpContext context)
    {
        BrowserAnswers.SetHeaders(context);
        var posted = HttpMethods.IsPost(context.Request.Method);
        var (form, malformed) = posted ? await FormParameters.ReadBodyAsync(context) : FormParameters.ReadQuery(context);
        if (form is null)
        {
            await BrowserAnswers.ProblemAsync(context, malformed!.Status, malformed.Description);
            return;
        }

        var flow = context.RequestServices.GetRequiredService<AuthorizationFlow>();
        await WriteAsync(context, await flow.StartAsync(context, form, posted));
    }

    private static async Task ResumeAsync(HttpContext context)
    {
        BrowserAnswers.SetHeaders(context);
        var flow = context.RequestServices.GetRequiredService<AuthorizationFlow>();
        await WriteAsync(context, await flow.ResumeAsync(context, context.Request.Query["ticket"]));
    }

    private static Task WriteAsync(HttpContext context, AuthorizationStep step) => step.Address is { } address
        ? BrowserAnswers.RedirectAsync(context, address)
        : BrowserAnswers.ProblemAsync(context, StatusCodes.Status400BadRequest, step.Problem!);
}
