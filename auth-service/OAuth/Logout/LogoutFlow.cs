using AuthService.OAuth.Authorization;
using AuthService.OAuth.Clients;
using AuthService.Sessions;
using AuthService.SignIn;
using AuthService.Users;

namespace AuthService.OAuth.Logout;

/// <summary>
/// Signs a browser out for a client: the sign-in, and every session that was started from it. An ID token of the person who
/// is signed in shows that the request is theirs; without one the person is asked, or any page could sign people out.
/// </summary>
internal sealed class LogoutFlow(
    PendingLogouts pending, ClientReader clients, IdTokens idTokens, SignInCookie cookie, SessionStore sessions, SessionTokens tokens, ClientAddress addresses)
{
    private const int MaxStateLength = 2048;
    private const string Over = "What was begun here is finished, took too long, or was begun in another browser.";

    /// <param name="posted">As with <see cref="AuthorizationFlow"/>: the browser may have kept back its cookies.</param>
    public async Task<AuthorizationStep> AnswerAsync(HttpContext context, FormParameters form, bool posted)
    {
        if (form["ticket"] is { } ticket)
            return await pending.FindAsync(context, ticket) is { } begun ? await ContinueAsync(context, begun, ticket) : AuthorizationStep.Stop(Over);
        var (waiting, problem) = await ReadAsync(form, context.RequestAborted);
        if (waiting is null) return AuthorizationStep.Stop(problem!);
        return posted
            ? AuthorizationStep.To(OAuthPaths.WithTicket(OAuthPaths.Logout, await pending.AddAsync(context, waiting)))
            : await ContinueAsync(context, waiting, ticket: null);
    }

    private async Task<(WaitingLogout? Waiting, string? Problem)> ReadAsync(FormParameters form, CancellationToken cancellationToken)
    {
        if (form.Repeated.Count > 0) return (null, "A parameter stands there more than once.");
        // One that proves nothing is none: an expired one proves enough, one of another service does not.
        var hint = form["id_token_hint"] is { } text ? idTokens.ReadHint(text) : null;
        var clientId = form["client_id"] ?? hint?.ClientId;
        if (hint is not null && hint.ClientId != clientId) return (null, "The request names two clients.");
        Client? client = null;
        if (clientId is not null)
        {
            client = (await clients.ReadAsync([clientId], cancellationToken)).SingleOrDefault()?.Client;
            if (client is not { Disabled: false }) return (null, "The client is not known, or is disabled.");
        }

        if (form["post_logout_redirect_uri"] is not { } returnTo) return (new WaitingLogout(client?.Name, null, hint), null);
        if (client is null || !RedirectUris.IsRegistered(client.PostLogoutRedirectUris, returnTo)) return (null, "The address to go back to is not registered for the client.");
        if (form["state"] is not { } state) return (new WaitingLogout(client.Name, returnTo, hint), null);
        if (state.Length > MaxStateLength) return (null, "state is too long.");
        var separator = returnTo.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        return (new WaitingLogout(client.Name, $"{returnTo}{separator}state={Uri.EscapeDataString(state)}", hint), null);
    }

    private async Task<AuthorizationStep> ContinueAsync(HttpContext context, WaitingLogout waiting, string? ticket)
    {
        var signIn = await cookie.ReadAsync(context, context.RequestAborted);
        var isTheirs = waiting.Hint is { } hint && (signIn is null || hint.Subject == signIn.UserId.ToString("D"));
        if (signIn is not null && !isTheirs)
            return AuthorizationStep.To(OAuthPaths.WithTicket(OAuthPaths.SignOutPage, ticket ?? await pending.AddAsync(context, waiting)));
        if (isTheirs) await EndAsync(context, waiting.Hint!);
        // Last: until here all can be tried again.
        if (ticket is not null) await pending.ConfirmAsync(context, ticket);
        return AuthorizationStep.To(waiting.ReturnTo ?? OAuthPaths.SignedOutPage);
    }

    /// <summary>The sign-in of the browser with its sessions, and the session of the ID token, which may be of an earlier sign-in.</summary>
    private async Task EndAsync(HttpContext context, IdTokenHint hint)
    {
        await cookie.EndAsync(context, hint.Subject, context.RequestAborted);
        if (!Guid.TryParseExact(hint.Subject, "D", out var userId) || await sessions.FindAsync(hint.Sid, userId, context.RequestAborted) is not { } session
            || session.ClientId != hint.ClientId)
            return;
        await tokens.EndAsync(
            hint.Sid, userId, hint.ClientId, expiresMs: null, SessionEndReason.LoggedOut, addresses.Actor(context, hint.Subject), context.RequestAborted);
    }
}
