using AuthService.OAuth;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Mvc.RazorPages;
using ServiceHosting;

namespace AuthService.Pages;

/// <summary>What every page does. Fields are read from the form as they were sent: binding would make a password of blanks
/// none, and would keep it in the model state.</summary>
internal abstract class BrowserPage : PageModel
{
    /// <summary>Of what waits for the person (<see cref="OAuth.BrowserTickets"/>); null for nothing.</summary>
    public string? Ticket => Request.Query["ticket"] is [{ Length: > 0 } ticket] ? ticket : null;

    protected CancellationToken Aborted => HttpContext.RequestAborted;

    /// <summary>Another page, with the ticket of this one.</summary>
    protected string WithTicket(string page) => Ticket is { } ticket ? OAuthPaths.WithTicket(page, ticket) : page;

    /// <summary>A field that must be there; if it is not, an error says so.</summary>
    protected string Required(string name)
    {
        if (Request.Form[name] is [{ Length: > 0 } value]) return value;
        ModelState.AddModelError(name, "Fill in this field.");
        return "";
    }

    /// <summary>After a form: the browser loads the next page with GET, whatever it sent (RFC 9110 section 15.4.4).</summary>
    protected IActionResult SeeOther(string location)
    {
        Response.Headers.Location = location;
        return StatusCode(StatusCodes.Status303SeeOther);
    }

    /// <summary>The page again, with what was wrong.</summary>
    /// <param name="message">What concerns no single field; null if the fields have their errors already.</param>
    protected IActionResult Refuse(string code, string? message = null, int status = StatusCodes.Status400BadRequest)
    {
        if (message is not null) ModelState.AddModelError("", message);
        RequestReason.Set(HttpContext, code);
        Response.StatusCode = status;
        return Page();
    }

    /// <summary>What the address stands for has been decided, has expired, or was begun in another browser.</summary>
    protected async Task<IActionResult> GoneAsync(string detail)
    {
        await ProblemPage.WriteAsync(HttpContext, StatusCodes.Status400BadRequest, "ticket_unknown", new ProblemPage("This page has expired", detail));
        return new EmptyResult();
    }
}
