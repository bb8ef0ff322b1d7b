using AuthService.Limits;
using AuthService.OAuth;
using AuthService.SignIn;
using AuthService.Users;
using Microsoft.AspNetCore.Mvc;

namespace AuthService.Pages.Account;

/// <summary>Changes the password: every session ends, and this browser is signed in anew.</summary>
internal sealed class PasswordModel(SignInCookie cookie, UsersDbContext database, PasswordChange change, AccountReader accounts) : AccountPage(cookie, database)
{
    public async Task<IActionResult> OnPostAsync()
    {
        var (current, next, again) = (Required("current_password"), Required("new_password"), Required("new_password_again"));
        if (ModelState.IsValid && next != again) ModelState.AddModelError("new_password_again", "This is not the same password.");
        if (!ModelState.IsValid) return Refuse("request_invalid");
        PasswordChangeOutcome outcome;
        try
        {
            outcome = await change.ChangeAsync(HttpContext, Person.Id, current, next, exceptSid: null, Aborted);
        }
        catch (TooManyRequestsException refusal)
        {
            refusal.SetRetryAfter(HttpContext);
            return Refuse(TooManyRequestsException.Code, refusal.Advice, StatusCodes.Status429TooManyRequests);
        }
        if (outcome.CurrentIsWrong) ModelState.AddModelError("current_password", "This is not the current password.");
        foreach (var reason in outcome.Reasons ?? []) ModelState.AddModelError("new_password", reason);
        if (!ModelState.IsValid) return Refuse("request_invalid");
        // The change has ended this sign-in too. Who made it is still there, unless something else has ended it as well.
        if (outcome.Receipt is null
            || await accounts.ReadAsync(Person.Id, Client.Api, sid: null, Aborted) is not { Disabled: false } account || account.SessionEpoch != Current.SessionEpoch + 1)
            return SeeOther(OAuthPaths.SignInPage);
        await Cookie.CreateAsync(HttpContext, account, Current.AuthTimeSeconds, Current.Amr, Aborted);
        return SeeOther(AccountPaths.Password + "?done=changed");
    }

    protected override string? Acknowledge(string done) =>
        done == "changed" ? "Your password is changed. You are signed out everywhere else." : null;
}
