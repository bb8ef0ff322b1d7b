using AuthService.OAuth.Clients;
using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.Tokens;
using AuthService.Users;
using Microsoft.Extensions.Options;

namespace AuthService.OAuth;

/// <summary>A client's wish to act for somebody.</summary>
/// <param name="Client">The client, authenticated.</param>
/// <param name="StartMs"><see cref="IssueClock.Start"/>, taken before the client was read.</param>
internal sealed record ExchangeRequest(
    ClientState Client, string SubjectToken, string SubjectTokenType, string? ActorToken, string? Audience, string? Scope, long StartMs)
{
    /// <summary>Without the tokens, which a record would print.</summary>
    public override string ToString() => $"exchange by {Client.Client.ClientId}";
}

/// <summary>
/// Exchanges a token for one with which a service acts for its subject (RFC 8693). The new token can never do or live longer
/// than the old: it belongs to the same session and dies with it, and names everyone who acted.
/// </summary>
internal sealed partial class TokenExchange(
    SubjectTokenReader subjects, ClientReader clients, AccountReader accounts, SessionStore sessions, AccessTokenIssuer issuer, RevocationService revocation,
    IOptions<AuthServiceOptions> options, TimeProvider time, ILogger<TokenExchange> logger)
{
    public async Task<GrantOutcome> ExchangeAsync(ExchangeRequest request, CancellationToken cancellationToken)
    {
        var outcome = await TryExchangeAsync(request, cancellationToken);
        if (outcome.Refusal is { Error: "invalid_grant" } refusal) Log.Refused(logger, request.Client.Client.ClientId, refusal.Description);
        return outcome;
    }

    private async Task<GrantOutcome> TryExchangeAsync(ExchangeRequest request, CancellationToken cancellationToken)
    {
        var client = request.Client.Client;
        var audience = request.Audience ?? options.Value.Audience;
        if (!client.ExchangeAudiences.Contains(audience)) return OAuthRefusal.InvalidTarget("The client may not ask for this audience.");
        if (Scopes.Select(request.Scope, client.Scopes) is not { } scopes) return OAuthRefusal.InvalidScope("A scope is malformed, or not one of the client's.");
        revocation.EnsureAvailable();

        var (subject, refusal) = await subjects.ReadAsync(request.SubjectTokenType, request.SubjectToken, client, cancellationToken);
        if (subject is null) return refusal!;
        if (request.ActorToken is not null && ActorFault(request) is { } fault) return fault;
        var actor = new Actor(client.ClientId, subject.Actor);
        if (actor.Depth > Actor.MaxDepth) return OAuthRefusal.InvalidGrant("Too many services act for the subject.");
        if (await CutOffAsync(subject, cancellationToken)) return OAuthRefusal.InvalidGrant("The subject's client, or one that acts for it, is disabled or was cut off.");
        scopes = [.. scopes.Intersect(subject.Scopes)];

        return subject.UserId is { } userId
            ? await ForUserAsync(request, subject, userId, actor, audience, Scopes.Join(scopes), cancellationToken)
            : await IssueAsync(
                new AccessTokenRequest(
                    subject.Subject, client.ClientId, Scopes.Join(scopes), IssueClock.IssueTime(request.StartMs, request.Client.NotBeforeMs), request.Client.SigningKeyId,
                    Sid: null, AuthTimeSeconds: null, Roles: null, Name: null, Audience: audience, ExpiresAtMostSeconds: subject.ExpiresAtSeconds, Actor: actor),
                cancellationToken);
    }

    private async Task<GrantOutcome> ForUserAsync(
        ExchangeRequest request, SubjectToken subject, Guid userId, Actor actor, string audience, string scope, CancellationToken cancellationToken)
    {
        var clientId = request.Client.Client.ClientId;
        if (await accounts.ReadAsync(userId, clientId, subject.Sid, cancellationToken) is not { Disabled: false, ClientDisabled: false, SessionEnded: false } account)
            return OAuthRefusal.InvalidGrant("The user is disabled, or the session has ended.");
        // The epoch: a password change ends sessions in the database before every replica has heard of it.
        if (await sessions.FindAsync(subject.Sid!, userId, cancellationToken) is not { } session || session.SessionEpoch != account.SessionEpoch)
            return OAuthRefusal.InvalidGrant("The session has ended.");
        return await IssueAsync(
            new AccessTokenRequest(
                subject.Subject, clientId, scope, IssueClock.IssueTime(request.StartMs, account.NotBeforeMs), account.SigningKeyId, subject.Sid, subject.AuthTimeSeconds,
                [.. account.Roles.Intersect(subject.Roles)], account.Name, Audience: audience,
                ExpiresAtMostSeconds: Math.Min(subject.ExpiresAtSeconds, session.ExpiresAt.ToUnixTimeSeconds()), Actor: actor),
            cancellationToken);
    }

    private async Task<GrantOutcome> IssueAsync(AccessTokenRequest token, CancellationToken cancellationToken)
    {
        var issued = await issuer.IssueAsync(token, cancellationToken);
        var life = issued.ExpiresAtSeconds - time.GetUtcNow().ToUnixTimeSeconds();
        return life > 0
            ? new GrantedToken(issued.Token, life, token.Scope, TokenTypes.AccessToken)
            : OAuthRefusal.InvalidRequest("The subject token has expired.");
    }

    /// <summary>The authenticated client is the actor; a token that says so too may be sent, and must be good.</summary>
    private OAuthRefusal? ActorFault(ExchangeRequest request)
    {
        var (actor, refusal) = subjects.ReadAccessToken(request.ActorToken!);
        if (actor is null) return refusal;
        return actor.Subject == request.Client.Client.ClientId && actor.Actor is null
            ? null
            : OAuthRefusal.InvalidRequest("The actor token is not the client's own.");
    }

    /// <summary>Whether the token was issued to, or passed on by, a client that has since been disabled or cut off. Revocations
    /// say so of the token's own client; of those before it only the database does.</summary>
    private async Task<bool> CutOffAsync(SubjectToken subject, CancellationToken cancellationToken)
    {
        HashSet<string> ids = [subject.ClientId, .. subject.Actor?.Chain() ?? []];
        if (subject.UserId is null) ids.Add(subject.Subject);
        var found = await clients.ReadAsync(ids, cancellationToken);
        return found.Count < ids.Count || found.Any(client => client.Client.Disabled || client.NotBeforeMs >= subject.IssueTimeMs);
    }

    private static partial class Log
    {
        [LoggerMessage(2410, LogLevel.Information, "A token exchange of client {ClientId} was refused: {Reason}")]
        public static partial void Refused(ILogger logger, string clientId, string reason);
    }
}
