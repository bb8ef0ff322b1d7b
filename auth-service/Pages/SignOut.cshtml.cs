using AuthService.OAuth;
using AuthService.OAuth.Logout;
using AuthService.SignIn;
using Microsoft.AspNetCore.Mvc;

namespace AuthService.Pages;

/// <summary>Asks before signing out: nobody has proven that the person wants it.</summary>
internal sealed class SignOutModel(SignInCookie cookie, PendingLogouts logouts) : BrowserPage
{
    /// <summary>What asked for it; null for the person's own wish.</summary>
    public PendingLogout? Waiting { get; private set; }

    public async Task<IActionResult> OnGetAsync() => await FindAsync() ? Page() : await ExpiredAsync();

    public async Task<IActionResult> OnPostAsync()
    {
        if (!await FindAsync()) return await ExpiredAsync();
        var signIn = await cookie.ReadAsync(HttpContext, Aborted);
        await cookie.EndAsync(HttpContext, signIn?.UserId.ToString("D"), Aborted);
        return SeeOther(Ticket is null ? OAuthPaths.SignedOutPage : await logouts.ConfirmAsync(HttpContext, Ticket) ?? OAuthPaths.SignedOutPage);
    }

    private async Task<bool> FindAsync()
    {
        if (Ticket is null) return true;
        Waiting = await logouts.ReadAsync(HttpContext, Ticket);
        if (Waiting?.ReturnTo is { } returnTo) PageHeaders.AllowFormToEndAt(HttpContext, returnTo);
        return Waiting is not null;
    }

    private Task<IActionResult> ExpiredAsync() => GoneAsync("Go back to the application, and sign out there again.");
}
