using AuthService.Limits;
using AuthService.OAuth;
using AuthService.OAuth.Authorization;
using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.SignIn;
using AuthService.Tokens;
using AuthService.Users;
using Microsoft.AspNetCore.Mvc;

namespace AuthService.Pages;

/// <summary>Asks for user name and password, for a client (<c>?ticket=</c>) or for the account pages. There is no other
/// place to go on to, and none can be named in the address.</summary>
internal sealed class SignInModel(
    SignInCookie cookie, SignInService signIns, SecondStep secondStep, RevocationService revocation, PendingAuthorizations authorizations,
    ClientAddress address, IssueClock clock) : BrowserPage
{
    /// <summary>Whom the person goes on to; null for the account pages.</summary>
    public PendingAuthorization? Waiting { get; private set; }

    public string? UserName { get; private set; }

    public async Task<IActionResult> OnGetAsync()
    {
        if (Ticket is null)
            return await cookie.ReadAsync(HttpContext, Aborted) is null ? Page() : SeeOther(AccountPaths.Profile);
        if (!await FindAsync()) return await ExpiredAsync();
        UserName = Waiting!.LoginHint;
        return Page();
    }

    public async Task<IActionResult> OnPostAsync()
    {
        if (!await FindAsync()) return await ExpiredAsync();
        UserName = Required("username");
        var password = Required("password");
        if (!ModelState.IsValid) return Refuse("request_invalid");

        var started = clock.Start();
        // Before the slow hash, so that nobody waits for a sign-in that cannot be completed.
        revocation.EnsureAvailable();
        SignInOutcome outcome;
        var clientId = Waiting?.ClientId ?? Client.Api;
        try
        {
            outcome = await signIns.SignInAsync(UserName, password, clientId, address.Of(HttpContext), Aborted);
        }
        catch (TooManyRequestsException refusal)
        {
            refusal.SetRetryAfter(HttpContext);
            return Refuse(TooManyRequestsException.Code, refusal.Advice, StatusCodes.Status429TooManyRequests);
        }
        switch (outcome)
        {
            case SignInOutcome.SignedIn(var account):
                await cookie.CreateAsync(HttpContext, account, started / 1000, ["pwd"], Aborted);
                return SeeOther(Ticket is null ? AccountPaths.Profile : PendingAuthorizations.ResumeUrl(Ticket));
            case SignInOutcome.SecondFactorRequired(var account):
                await secondStep.BeginAsync(HttpContext, account, clientId, Aborted);
                return SeeOther(WithTicket(OAuthPaths.SecondFactorPage));
            default:
                return Refuse("no_active_account", "There is no active account with this user name and password.");
        }
    }

    private async Task<bool> FindAsync()
    {
        if (Ticket is null) return true;
        Waiting = await authorizations.ReadAsync(HttpContext, Ticket);
        if (Waiting is not null) PageHeaders.AllowFormToEndAt(HttpContext, Waiting.RedirectUri);
        return Waiting is not null;
    }

    private Task<IActionResult> ExpiredAsync() => GoneAsync("Go back to where you wanted to sign in, and begin again.");
}
