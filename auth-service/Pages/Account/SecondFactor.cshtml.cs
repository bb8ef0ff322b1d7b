using AuthService.Audit;
using AuthService.Limits;
using AuthService.SecondFactor;
using AuthService.Sessions;
using AuthService.SignIn;
using AuthService.Users;
using Microsoft.AspNetCore.Mvc;

namespace AuthService.Pages.Account;

/// <summary>
/// Turns the second factor on and off. Each change needs the password again, and taking it away a code besides: an open
/// browser is not its owner.
/// </summary>
internal sealed class SecondFactorModel(
    SignInCookie cookie, UsersDbContext database, SecondFactorEnrolment enrolment, SecondFactorService codes, SignInLimit limit, OwnPassword password,
    ClientAddress address) : AccountPage(cookie, database)
{
    public int RecoveryCodesLeft { get; private set; }

    /// <summary>What the authenticator is to be told, this once; null when there is nothing to enrol.</summary>
    public TotpEnrolment? Enrolment { get; private set; }

    /// <summary>Whether a code is to show that the authenticator works.</summary>
    public bool IsConfirming { get; private set; }

    /// <summary>New ones, shown this once.</summary>
    public IReadOnlyList<string>? RecoveryCodes { get; private set; }

    public Task OnGetAsync() => CountCodesAsync();

    /// <summary>Makes the secret.</summary>
    public Task<IActionResult> OnPostBeginAsync() => LimitedAsync(async () =>
    {
        if (!await IsPasswordAsync()) return Refuse("request_invalid");
        Enrolment = await enrolment.BeginAsync(Person.Id, Aborted);
        IsConfirming = Enrolment is not null;
        return IsConfirming ? Page() : SeeOther(AccountPaths.SecondFactor);
    });

    /// <summary>Turns it on.</summary>
    public Task<IActionResult> OnPostConfirmAsync() => LimitedAsync(async () =>
    {
        IsConfirming = true;
        if (Code() is not { } code) return Refuse("request_invalid");
        await limit.CheckCodeAsync(
            Person.Id, address.Of(HttpContext),
            async () => (RecoveryCodes = await enrolment.ConfirmAsync(Person.Id, code, Aborted)) is null ? SecondFactorProof.None : SecondFactorProof.Authenticator,
            Aborted);
        return RecoveryCodes is null ? RefuseCode() : Page();
    });

    /// <summary>Replaces the recovery codes.</summary>
    public Task<IActionResult> OnPostCodesAsync() => LimitedAsync(async () =>
    {
        if (await RefusalAsync() is { } refusal) return refusal;
        RecoveryCodes = await enrolment.ReplaceRecoveryCodesAsync(Person.Id, Aborted);
        return RecoveryCodes is null ? SeeOther(AccountPaths.SecondFactor) : Page();
    });

    /// <summary>Turns it off.</summary>
    public Task<IActionResult> OnPostDisableAsync() => LimitedAsync(async () =>
    {
        if (await RefusalAsync() is { } refusal) return refusal;
        await enrolment.DisableAsync(Person.Id, AuditTypes.SecondFactorDisabled, Sub, Aborted);
        return SeeOther(AccountPaths.SecondFactor + "?done=off");
    });

    protected override string? Acknowledge(string done) => done == "off" ? "Your password alone signs you in now." : null;

    /// <summary>Null if password and code are right.</summary>
    private async Task<IActionResult?> RefusalAsync()
    {
        var code = Code();
        if (!await IsPasswordAsync() || code is null) return Refuse("request_invalid");
        return await codes.VerifyAsync(Person.Id, code, address.Of(HttpContext), Aborted) == SecondFactorProof.None ? RefuseCode() : null;
    }

    private async Task<bool> IsPasswordAsync()
    {
        var text = Required("password");
        // Without the code there is no need to look at it.
        if (!ModelState.IsValid) return false;
        if (await password.IsRightAsync(HttpContext, Person, text, Aborted)) return true;
        ModelState.AddModelError("password", "This is not your password.");
        return false;
    }

    private string? Code()
    {
        var code = Required("code");
        if (code.Length > SecondFactorService.MaxCodeLength) ModelState.AddModelError("code", "This is no code.");
        return ModelState["code"] is { Errors.Count: > 0 } ? null : code;
    }

    private IActionResult RefuseCode()
    {
        ModelState.AddModelError("code", "This code is wrong, too old, or was used before.");
        return Refuse("code_not_valid");
    }

    private async Task<IActionResult> LimitedAsync(Func<Task<IActionResult>> change)
    {
        await CountCodesAsync();
        try
        {
            return await change();
        }
        catch (TooManyRequestsException refusal)
        {
            refusal.SetRetryAfter(HttpContext);
            return Refuse(TooManyRequestsException.Code, refusal.Advice, StatusCodes.Status429TooManyRequests);
        }
    }

    private async Task CountCodesAsync() => RecoveryCodesLeft = (await enrolment.ShowAsync(Person.Id, Aborted)).RecoveryCodesLeft;
}
