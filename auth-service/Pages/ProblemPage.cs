using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.Abstractions;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using Microsoft.AspNetCore.Mvc.ViewFeatures;
using ServiceHosting;

namespace AuthService.Pages;

/// <summary>A page that says what went wrong and what to do.</summary>
/// <param name="Title">In a few words.</param>
/// <param name="Detail">For the person in front of the browser.</param>
/// <param name="Again">Where to try again, a path of ours; null for nowhere.</param>
internal sealed record ProblemPage(string Title, string Detail, string? Again = null)
{
    /// <summary>Answers a browser that cannot be sent anywhere else. May be called from any endpoint.</summary>
    /// <param name="code">Stable reason code, for the completion event.</param>
    public static Task WriteAsync(HttpContext context, int status, string code, ProblemPage page)
    {
        RequestReason.Set(context, code);
        PageHeaders.Set(context);
        var view = new ViewResult
        {
            StatusCode = status,
            ViewName = "/Pages/Problem.cshtml",
            ViewData = new ViewDataDictionary<ProblemPage>(context.RequestServices.GetRequiredService<IModelMetadataProvider>(), new ModelStateDictionary()) { Model = page },
        };
        return view.ExecuteResultAsync(new ActionContext(context, context.GetRouteData(), new ActionDescriptor()));
    }
}
