using AuthService.SecondFactor;
using AuthService.Users;
using Microsoft.Extensions.Options;

namespace AuthService.SignIn;

/// <summary>A browser's way from the password to the second factor: the ticket is a cookie, so that no page, address or other
/// browser has it.</summary>
internal sealed class SecondStep(SecondFactorSignIn signIns, IOptions<AuthServiceOptions> options)
{
    private const string CookieName = "gwid_step";

    /// <summary>Whether the browser is on its way.</summary>
    public static bool IsUnderWay(HttpContext context) => context.Request.Cookies.ContainsKey(CookieName);

    /// <summary>The password was right.</summary>
    public async Task BeginAsync(HttpContext context, AccountState account, string clientId, CancellationToken cancellationToken)
    {
        var attributes = SignInCookie.Attributes(context, options.Value);
        attributes.MaxAge = SecondFactorTickets.Life;
        context.Response.Cookies.Append(CookieName, await signIns.BeginAsync(account, clientId, cancellationToken), attributes);
    }

    /// <exception cref="Limits.TooManyRequestsException">The code was not looked at.</exception>
    public async Task<SecondFactorOutcome> CompleteAsync(HttpContext context, string code, string? address, CancellationToken cancellationToken)
    {
        var outcome = await signIns.CompleteAsync(context.Request.Cookies[CookieName] ?? "", code, address, cancellationToken);
        if (outcome is not SecondFactorOutcome.CodeNotValid) context.Response.Cookies.Delete(CookieName, SignInCookie.Attributes(context, options.Value));
        return outcome;
    }
}
