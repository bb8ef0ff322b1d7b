using AuthService.OAuth.Clients;
using RevocationProtocol;

namespace AuthService.OAuth.Authorization;

/// <summary>What a page may show of an authorization that waits for its user.</summary>
/// <param name="ClientName">As it was registered; not to be trusted as anything but text.</param>
/// <param name="FirstParty">One of the operator's own clients.</param>
/// <param name="Scopes">What is asked for.</param>
/// <param name="RedirectUri">Where the browser goes afterwards.</param>
/// <param name="LoginHint">What the client thinks the user is known by; may be anything.</param>
/// <param name="SignInAgain">The user must sign in though already signed in.</param>
internal sealed record PendingAuthorization(
    string ClientId, string ClientName, bool FirstParty, IReadOnlyList<string> Scopes, string RedirectUri, string? LoginHint, bool SignInAgain);

/// <summary>As it lies in Redis.</summary>
/// <param name="StartedAtSeconds">Unix seconds.</param>
/// <param name="SignInBefore">The sign-in that the browser had then; not good enough if the user must sign in again.</param>
/// <param name="ConsentedBy">Who has consented to this very request.</param>
/// <param name="Begun">False while <paramref name="SignInBefore"/> is not known: the browser has sent no cookies yet.</param>
internal sealed record WaitingAuthorization(AuthorizationRequest Request, long StartedAtSeconds, string? SignInBefore, Guid? ConsentedBy, bool Begun);

/// <summary>
/// Authorizations that wait for a page: to sign in, or to consent. Pages read what to show, say what the user decided, and
/// send the browser where they are told; whether that is enough is decided when it comes back.
/// </summary>
internal sealed class PendingAuthorizations(BrowserTickets tickets, ClientReader clients, Consents consents, AuthorizationAnswers answers)
{
    private const string Kind = "authorization";

    /// <summary>Where a page sends the browser when its person has signed in.</summary>
    public static string ResumeUrl(string ticket) => OAuthPaths.WithTicket(OAuthPaths.Resume, ticket);

    /// <summary>What waits under a ticket; null if nothing (any more), or not for this browser.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public async Task<PendingAuthorization?> ReadAsync(HttpContext context, string? ticket)
    {
        if (await FindAsync(context, ticket) is not { Request: var request } waiting) return null;
        if ((await clients.ReadAsync([request.ClientId], context.RequestAborted)).SingleOrDefault() is not { Client: { Disabled: false } client }) return null;
        return new PendingAuthorization(
            client.ClientId, client.Name, client.FirstParty, Scopes.Split(request.Scope), request.RedirectUri, request.LoginHint, waiting.Request.SignInAgain);
    }

    /// <summary>The user consents. Answers where to send the browser; null if nothing waits.</summary>
    /// <param name="userId">Whom the page has read from the sign-in cookie in this very request.</param>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public async Task<string?> GrantConsentAsync(HttpContext context, string? ticket, Guid userId)
    {
        if (await FindAsync(context, ticket) is not { } waiting) return null;
        if ((await clients.ReadAsync([waiting.Request.ClientId], context.RequestAborted)).SingleOrDefault() is not { Client: { Disabled: false } client }) return null;
        if (!client.FirstParty) await consents.GrantAsync(userId, client.ClientId, Scopes.Split(waiting.Request.Scope), context.RequestAborted);
        return await ReplaceAsync(context, ticket, waiting, waiting with { ConsentedBy = userId }) ? ResumeUrl(ticket!) : null;
    }

    /// <summary>The user refuses. Answers where to send the browser: back to the client with <c>access_denied</c>; null if
    /// nothing waits.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public async Task<string?> DenyAsync(HttpContext context, string? ticket) =>
        await TakeAsync(context, ticket) is { Request: var request } ? answers.Error(request.RedirectUri, request.State, AuthorizationError.AccessDenied) : null;

    internal Task<string> AddAsync(HttpContext context, WaitingAuthorization waiting) => tickets.AddAsync(context, Kind, waiting);

    internal Task<WaitingAuthorization?> FindAsync(HttpContext context, string? ticket) => tickets.ReadAsync<WaitingAuthorization>(context, Kind, ticket);

    internal Task<bool> ReplaceAsync(HttpContext context, string? ticket, WaitingAuthorization waiting, WaitingAuthorization next) =>
        tickets.ReplaceAsync(context, Kind, ticket, waiting, next);

    /// <summary>Ends the waiting: of several at once one gets it.</summary>
    internal Task<WaitingAuthorization?> TakeAsync(HttpContext context, string? ticket) => tickets.TakeAsync<WaitingAuthorization>(context, Kind, ticket);
}
