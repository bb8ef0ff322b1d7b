using AuthService.OAuth.Clients;
using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.SignIn;
using AuthService.Users;
using Microsoft.Extensions.Options;

namespace AuthService.OAuth.Authorization;

/// <summary>Where the browser goes next, or what its person is told.</summary>
internal readonly record struct AuthorizationStep(string? Address, string? Problem)
{
    public static AuthorizationStep To(string address) => new(address, null);

    public static AuthorizationStep Stop(string problem) => new(null, problem);
}

/// <summary>
/// Takes an authorization from its request to its answer: signed in? consented? then a code. Whatever is missing sends the
/// browser to a page; when it comes back, everything is looked at again.
/// </summary>
internal sealed partial class AuthorizationFlow(
    AuthorizationRequestReader reader, PendingAuthorizations pending, AuthorizationAnswers answers, AuthorizationCodes codes, Consents consents, ClientReader clients,
    SignInCookie cookie, AccountReader accounts, SessionTokens tokens, RevocationService revocation, IOptions<AuthServiceOptions> options, TimeProvider time,
    ILogger<AuthorizationFlow> logger)
{
    private const string Over = "What was begun here is finished, took too long, or was begun in another browser.";

    /// <param name="posted">The request came as a form, perhaps from another site: then the browser has kept back its cookies,
    /// and is asked again by a request that it sends them with.</param>
    public async Task<AuthorizationStep> StartAsync(HttpContext context, FormParameters form, bool posted)
    {
        switch (await reader.ReadAsync(form, context.RequestAborted))
        {
            case AuthorizationReading.NoAddress problem:
                Log.NoAddress(logger, problem.Detail);
                return AuthorizationStep.Stop(problem.Detail);
            case AuthorizationReading.Refused refused:
                return AuthorizationStep.To(answers.Error(refused.RedirectUri, refused.State, refused.Error));
            case AuthorizationReading.Valid valid:
                revocation.EnsureAvailable();
                var signIn = posted ? null : await cookie.ReadAsync(context, context.RequestAborted);
                var waiting = new WaitingAuthorization(valid.Request, Now, signIn?.SignInId, ConsentedBy: null, Begun: !posted);
                return posted
                    ? AuthorizationStep.To(PendingAuthorizations.ResumeUrl(await pending.AddAsync(context, waiting)))
                    : await ContinueAsync(context, waiting, valid.Client, signIn, ticket: null);
            default:
                throw new InvalidOperationException("There is no other reading.");
        }
    }

    public async Task<AuthorizationStep> ResumeAsync(HttpContext context, string? ticket)
    {
        if (await pending.FindAsync(context, ticket) is not { } waiting) return AuthorizationStep.Stop(Over);
        // A client may have been disabled, or lost the address, meanwhile.
        if ((await clients.ReadAsync([waiting.Request.ClientId], context.RequestAborted)).SingleOrDefault() is not { Client: { Disabled: false } client }
            || !RedirectUris.IsRegistered(client.RedirectUris, waiting.Request.RedirectUri))
            return AuthorizationStep.Stop("The client is not known, or is disabled.");
        revocation.EnsureAvailable();
        var signIn = await cookie.ReadAsync(context, context.RequestAborted);
        if (!waiting.Begun)
        {
            var begun = waiting with { SignInBefore = signIn?.SignInId, Begun = true };
            if (!await pending.ReplaceAsync(context, ticket, waiting, begun)) return AuthorizationStep.Stop(Over);
            waiting = begun;
        }

        return await ContinueAsync(context, waiting, client, signIn, ticket);
    }

    private long Now => time.GetUtcNow().ToUnixTimeSeconds();

    private async Task<AuthorizationStep> ContinueAsync(HttpContext context, WaitingAuthorization waiting, Client client, BrowserSignIn? signIn, string? ticket)
    {
        var request = waiting.Request;
        if (signIn is not null && signIn.SignInId != waiting.SignInBefore && !IsHinted(request, signIn))
            // Somebody else has just signed in: OpenID Connect Core section 3.1.2.1.
            return await RefuseAsync(context, waiting, ticket, AuthorizationError.LoginRequired);
        if (signIn is null || !IsRecent(waiting, signIn) || !IsHinted(request, signIn))
            return await AskAsync(context, waiting, ticket, OAuthPaths.SignInPage, AuthorizationError.LoginRequired);
        if (await accounts.ReadAsync(signIn.UserId, client.ClientId, sid: null, context.RequestAborted) is not { Disabled: false } account || account.SessionEpoch != signIn.SessionEpoch)
            return await AskAsync(context, waiting, ticket, OAuthPaths.SignInPage, AuthorizationError.LoginRequired);
        if (!await HasConsentAsync(waiting, client, signIn.UserId, context.RequestAborted))
            return await AskAsync(context, waiting, ticket, OAuthPaths.ConsentPage, AuthorizationError.ConsentRequired);
        return await IssueAsync(context, waiting, client, signIn, ticket);
    }

    /// <summary>The page, or, where none may be shown, what it would have been for.</summary>
    private async Task<AuthorizationStep> AskAsync(HttpContext context, WaitingAuthorization waiting, string? ticket, string page, AuthorizationError otherwise) =>
        waiting.Request.Interactive
            ? AuthorizationStep.To(OAuthPaths.WithTicket(page, ticket ?? await pending.AddAsync(context, waiting)))
            : await RefuseAsync(context, waiting, ticket, otherwise);

    private async Task<AuthorizationStep> RefuseAsync(HttpContext context, WaitingAuthorization waiting, string? ticket, AuthorizationError error)
    {
        if (ticket is not null && await pending.TakeAsync(context, ticket) is null) return AuthorizationStep.Stop(Over);
        return AuthorizationStep.To(answers.Error(waiting.Request.RedirectUri, waiting.Request.State, error));
    }

    private async Task<AuthorizationStep> IssueAsync(HttpContext context, WaitingAuthorization waiting, Client client, BrowserSignIn signIn, string? ticket)
    {
        var request = waiting.Request;
        var (code, sid) = AuthorizationCodes.Create();
        var (_, absolute) = tokens.LifetimesOf(client, Grants.SessionAnswers.MayRefresh(client, request.Scope));
        // Linked before it exists: a sign-out from here on finds it.
        var expires = time.GetUtcNow() + absolute + AuthorizationCodes.Life;
        if (!await cookie.LinkSessionAsync(signIn.SignInId, sid, expires.ToUnixTimeMilliseconds(), context.RequestAborted))
            return await AskAsync(context, waiting, ticket, OAuthPaths.SignInPage, AuthorizationError.LoginRequired);
        var grant = new CodeGrant(signIn.UserId, sid, request.Scope, request.Nonce, signIn.AuthTimeSeconds, signIn.Amr, signIn.SessionEpoch, client.ClientId);
        await codes.StoreAsync(code, request, grant, context.RequestAborted);
        // Last: until here all can be tried again. Of several at once one gets its code to the client.
        if (ticket is not null && await pending.TakeAsync(context, ticket) is null) return AuthorizationStep.Stop(Over);
        return AuthorizationStep.To(answers.Code(request.RedirectUri, request.State, code));
    }

    private bool IsRecent(WaitingAuthorization waiting, BrowserSignIn signIn)
    {
        if (waiting.Request.SignInAgain && signIn.SignInId == waiting.SignInBefore) return false;
        var oldest = waiting.Request.SignInAgain ? waiting.StartedAtSeconds : waiting.StartedAtSeconds - waiting.Request.MaxAgeSeconds;
        // Another replica's clock may have said when that was.
        return oldest is null || signIn.AuthTimeSeconds >= oldest - (long)Math.Ceiling(options.Value.MaxClockSkew.TotalSeconds);
    }

    private static bool IsHinted(AuthorizationRequest request, BrowserSignIn signIn) =>
        request.HintedSubject is null || request.HintedSubject == signIn.UserId.ToString("D");

    private async Task<bool> HasConsentAsync(WaitingAuthorization waiting, Client client, Guid userId, CancellationToken cancellationToken) =>
        (!waiting.Request.AskConsent || waiting.ConsentedBy == userId)
        && (client.FirstParty || await consents.IsGivenAsync(userId, client.ClientId, Scopes.Split(waiting.Request.Scope), cancellationToken));

    private static partial class Log
    {
        [LoggerMessage(2430, LogLevel.Information, "An authorization request was refused: {Detail}")]
        public static partial void NoAddress(ILogger logger, string detail);
    }
}
