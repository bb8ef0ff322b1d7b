using AuthService.Limits;
using AuthService.OAuth;
using AuthService.OAuth.Authorization;
using AuthService.Revocation;
using AuthService.SecondFactor;
using AuthService.Sessions;
using AuthService.SignIn;
using AuthService.Tokens;
using AuthService.Users;
using Microsoft.AspNetCore.Mvc;

namespace AuthService.Pages;

/// <summary>Asks for user name and password, for a client (<c>?ticket=</c>) or for the account pages. There is no other
/// place to go on to, and none can be named in the address.</summary>
internal sealed class SignInModel(
    SignInCookie cookie, SignInService signIns, SecondFactorSignIn secondFactor, RevocationService revocation, PendingAuthorizations authorizations, ClientAddress address,
    IssueClock clock) : BrowserPage
{
    /// <summary>Whom the person goes on to; null for the account pages.</summary>
    public PendingAuthorization? Waiting { get; private set; }

    public string? UserName { get; private set; }

    /// <summary>The ticket of the second step, which is asked for then; null in the first.</summary>
    public string? SecondStep { get; private set; }

    /// <summary>Where a step's form goes: each to its own handler, whichever answered last.</summary>
    public string AddressFor(string? handler) =>
        QueryString.Create(new Dictionary<string, string?> { ["ticket"] = Ticket, ["handler"] = handler }.Where(part => part.Value is not null)) is { HasValue: true } query
            ? query.Value!
            : OAuthPaths.SignInPage;

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
        try
        {
            var clientId = Waiting?.ClientId ?? Client.Api;
            switch (await signIns.SignInAsync(UserName, password, clientId, address.Of(HttpContext), Aborted))
            {
                case SignInOutcome.SignedIn(var account):
                    return await SignedInAsync(account, started, ["pwd"]);
                case SignInOutcome.SecondFactorRequired(var account):
                    SecondStep = await secondFactor.BeginAsync(account, clientId, Aborted);
                    return Page();
                default:
                    return Refuse("no_active_account", "There is no active account with this user name and password.");
            }
        }
        catch (TooManyRequestsException refusal)
        {
            refusal.SetRetryAfter(HttpContext);
            return Refuse(TooManyRequestsException.Code, refusal.Advice, StatusCodes.Status429TooManyRequests);
        }
    }

    /// <summary>The second factor's code.</summary>
    public async Task<IActionResult> OnPostCodeAsync()
    {
        if (!await FindAsync()) return await ExpiredAsync();
        SecondStep = Required("second_step");
        var code = Required("code");
        if (!ModelState.IsValid) return Refuse("request_invalid");

        var started = clock.Start();
        revocation.EnsureAvailable();
        try
        {
            switch (await secondFactor.CompleteAsync(SecondStep, code, address.Of(HttpContext), Aborted))
            {
                case SecondFactorOutcome.SignedIn(var account, _, var proof):
                    return await SignedInAsync(account, started, proof == SecondFactorProof.Authenticator ? ["pwd", "otp", "mfa"] : ["pwd", "mfa"]);
                case SecondFactorOutcome.CodeNotValid:
                    return Refuse("code_not_valid", "This code is wrong, too old, or was used before.");
                default:
                    SecondStep = null;
                    return Refuse("ticket_not_valid", "That took too long, or too many tries. Sign in again.");
            }
        }
        catch (TooManyRequestsException refusal)
        {
            refusal.SetRetryAfter(HttpContext);
            return Refuse(TooManyRequestsException.Code, refusal.Advice, StatusCodes.Status429TooManyRequests);
        }
    }

    private async Task<IActionResult> SignedInAsync(AccountState account, long started, string[] amr)
    {
        await cookie.CreateAsync(HttpContext, account, started / 1000, amr, Aborted);
        return SeeOther(Ticket is null ? AccountPaths.Profile : PendingAuthorizations.ResumeUrl(Ticket));
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
