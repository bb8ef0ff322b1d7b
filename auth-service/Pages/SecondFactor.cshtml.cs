using AuthService.Limits;
using AuthService.OAuth;
using AuthService.OAuth.Authorization;
using AuthService.Revocation;
using AuthService.SecondFactor;
using AuthService.Sessions;
using AuthService.SignIn;
using AuthService.Tokens;
using Microsoft.AspNetCore.Mvc;

namespace AuthService.Pages;

/// <summary>Asks for the second factor of somebody whose password was right.</summary>
internal sealed class SecondFactorModel(
    SignInCookie cookie, SecondStep step, RevocationService revocation, PendingAuthorizations authorizations, ClientAddress address, IssueClock clock)
    : BrowserPage
{
    private string SignInPage => WithTicket(OAuthPaths.SignInPage);

    public async Task<IActionResult> OnGetAsync()
    {
        await AllowClientAsync();
        return SecondStep.IsUnderWay(HttpContext) ? Page() : SeeOther(SignInPage);
    }

    public async Task<IActionResult> OnPostAsync()
    {
        await AllowClientAsync();
        var code = Required("code");
        if (code.Length > SecondFactorService.MaxCodeLength) ModelState.AddModelError("code", "This is no code.");
        if (!ModelState.IsValid) return Refuse("request_invalid");

        var started = clock.Start();
        revocation.EnsureAvailable();
        SecondFactorOutcome outcome;
        try
        {
            outcome = await step.CompleteAsync(HttpContext, code, address.Of(HttpContext), Aborted);
        }
        catch (TooManyRequestsException refusal)
        {
            refusal.SetRetryAfter(HttpContext);
            return Refuse(TooManyRequestsException.Code, refusal.Advice, StatusCodes.Status429TooManyRequests);
        }
        switch (outcome)
        {
            case SecondFactorOutcome.SignedIn(var account, _, var proof):
                // RFC 8176: a one-time password of the authenticator; of a recovery code it has no name.
                string[] amr = proof == SecondFactorProof.Authenticator ? ["pwd", "otp", "mfa"] : ["pwd", "mfa"];
                await cookie.CreateAsync(HttpContext, account, started / 1000, amr, Aborted);
                return SeeOther(Ticket is null ? AccountPaths.Profile : PendingAuthorizations.ResumeUrl(Ticket));
            case SecondFactorOutcome.CodeNotValid:
                ModelState.AddModelError("code", "This code is wrong, too old, or was used before.");
                return Refuse("code_not_valid");
            default:
                return await AgainAsync();
        }
    }

    private async Task AllowClientAsync()
    {
        if (Ticket is not null && await authorizations.ReadAsync(HttpContext, Ticket) is { } waiting) PageHeaders.AllowFormToEndAt(HttpContext, waiting.RedirectUri);
    }

    private async Task<IActionResult> AgainAsync()
    {
        await ProblemPage.WriteAsync(
            HttpContext, StatusCodes.Status400BadRequest, "ticket_not_valid",
            new ProblemPage("Sign in once more", "It took too long, or there were too many wrong codes.", SignInPage));
        return new EmptyResult();
    }
}
