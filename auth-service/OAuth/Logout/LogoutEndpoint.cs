using AuthService.Pages;

namespace AuthService.OAuth.Logout;

/// <summary><c>/connect/logout</c> (OpenID Connect RP-Initiated Logout). As with authorization, no script of another origin
/// reads the answer.</summary>
internal static class LogoutEndpoint
{
    public static IEndpointRouteBuilder MapLogoutEndpoint(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet(OAuthPaths.Logout, AnswerAsync).WithMetadata(AnswersBrowsers.Instance);
        endpoints.MapPost(OAuthPaths.Logout, AnswerAsync).WithMetadata(AnswersBrowsers.Instance);
        return endpoints;
    }

    private static async Task AnswerAsync(HttpContext context)
    {
        BrowserAnswers.SetHeaders(context);
        var posted = HttpMethods.IsPost(context.Request.Method);
        var (form, malformed) = posted ? await ReadFormAsync(context) : FormParameters.ReadQuery(context);
        if (form is null)
        {
            await BrowserAnswers.ProblemAsync(context, malformed!.Status, malformed.Description);
            return;
        }

        var step = await context.RequestServices.GetRequiredService<LogoutFlow>().AnswerAsync(context, form, posted);
        await (step.Address is { } address
            ? BrowserAnswers.RedirectAsync(context, address)
            : BrowserAnswers.ProblemAsync(context, StatusCodes.Status400BadRequest, step.Problem!));
    }

    /// <summary>Every parameter is optional, so a form without any may have no body.</summary>
    private static async Task<(FormParameters? Form, OAuthRefusal? Refusal)> ReadFormAsync(HttpContext context) =>
        context.Request.ContentType is null ? FormParameters.None : await FormParameters.ReadBodyAsync(context);
}
