using AuthService.Sessions;
using AuthService.Users;

namespace AuthService.OAuth.Grants;

/// <summary>Signs a user in with a password that the client has seen (RFC 6749 section 4.3): only for clients that are
/// registered for it, which none should be (RFC 9700 section 2.4).</summary>
internal sealed class PasswordGrant(SignInService signIn, SessionTokens tokens, SessionAnswers answers) : IGrant
{
    private static readonly string[] Amr = ["pwd"];

    public string GrantType => GrantTypes.Password;

    public async Task<GrantOutcome> IssueAsync(GrantRequest request, CancellationToken cancellationToken)
    {
        var (client, form) = (request.Client.Client, request.Form);
        if (form["username"] is not { } name || form["password"] is not { } password) return OAuthRefusal.InvalidRequest("username and password are required.");
        if (Scopes.Select(form["scope"], client.Scopes) is not { } scopes) return OAuthRefusal.InvalidScope("A scope is malformed, or not one of the client's.");
        // The grant has no place for a code: who has a second factor signs in through the browser.
        var outcome = await signIn.SignInAsync(name, password, client.ClientId, request.By.Address, cancellationToken);
        if (outcome is SignInOutcome.SecondFactorRequired) return OAuthRefusal.InvalidGrant("The account has a second factor; sign in with a browser.");
        if (outcome is not SignInOutcome.SignedIn(var account)) return OAuthRefusal.InvalidGrant("There is no active account with these credentials.");
        var scope = Scopes.Join(scopes);
        var refreshed = SessionAnswers.MayRefresh(client, scope);
        var (idle, absolute) = tokens.LifetimesOf(client, refreshed);
        var session = new NewSession(
            account.Id, client.ClientId, scope, account.SessionEpoch, request.StartMs / 1000, request.By.Address, request.UserAgent, idle, absolute);
        return answers.Grant(client, await tokens.StartAsync(account, session, request.StartMs, cancellationToken), refreshed, nonce: null, Amr);
    }
}
