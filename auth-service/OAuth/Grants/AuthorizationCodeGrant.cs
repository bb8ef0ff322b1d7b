using AuthService.Audit;
using AuthService.OAuth.Authorization;
using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.Users;

namespace AuthService.OAuth.Grants;

/// <summary>Redeems an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.5): its session begins, and the client
/// gets the session's first tokens.</summary>
internal sealed partial class AuthorizationCodeGrant(
    AuthorizationCodes codes, AccountReader accounts, SessionStore sessions, SessionTokens tokens, SessionAnswers answers, RevocationService revocation,
    AuditOutbox audit, ILogger<AuthorizationCodeGrant> logger) : IGrant
{
    /// <summary>The same whatever was wrong with the code.</summary>
    private static readonly OAuthRefusal Invalid = OAuthRefusal.InvalidGrant("The code is unknown, expired, used, or was not for this client, redirect URI and verifier.");

    public string GrantType => GrantTypes.AuthorizationCode;

    public async Task<GrantOutcome> IssueAsync(GrantRequest request, CancellationToken cancellationToken)
    {
        var (client, form) = (request.Client.Client, request.Form);
        if (form["code"] is not { } code || form["redirect_uri"] is not { } redirectUri || form["code_verifier"] is not { } verifier)
            return OAuthRefusal.InvalidRequest("code, redirect_uri and code_verifier are required.");
        if (!Pkce.IsVerifier(verifier)) return OAuthRefusal.InvalidRequest("code_verifier must have 43 to 128 unreserved characters (RFC 7636 section 4.1).");
        revocation.EnsureAvailable();
        if (await codes.FindAsync(code, client.ClientId, cancellationToken) is not { } grant) return Invalid;
        // Before the code is used up, so that nothing is lost when the database is away.
        var account = await accounts.ReadAsync(grant.UserId, client.ClientId, grant.Sid, cancellationToken);
        if (account is not { Disabled: false, ClientDisabled: false, SessionEnded: false } || account.SessionEpoch != grant.SessionEpoch) return Invalid;

        var refreshed = SessionAnswers.MayRefresh(client, grant.Scope);
        var (idle, absolute) = tokens.LifetimesOf(client, refreshed);
        var session = new NewSession(
            grant.UserId, client.ClientId, grant.Scope, account.SessionEpoch, grant.AuthTimeSeconds, request.By.Address, request.UserAgent, idle, absolute,
            AuditTypes.SessionStarted);
        var (outcome, expiresMs, outboxId) = await codes.RedeemAsync(code, grant, session, redirectUri, verifier, request.By, cancellationToken);
        if (outcome == CodeRedemption.Reused)
        {
            Log.Reused(logger, client.ClientId, grant.Sid);
            if (outboxId is not null) await revocation.PublishOutboxAsync(grant.Sid, SessionKeys.Partition(grant.Sid), outboxId, cancellationToken);
        }

        if (outcome != CodeRedemption.Redeemed) return Invalid;
        audit.Started(session, grant.Sid);
        await sessions.IndexAsync(grant.UserId, grant.Sid, expiresMs, cancellationToken);
        var first = new RefreshToken(grant.Sid, grant.UserId, client.ClientId, Generation: 1, expiresMs);
        var issued = await tokens.IssueFirstAsync(account, session, first, request.StartMs, cancellationToken);
        return answers.Grant(client, issued, refreshed, grant.Nonce, grant.Amr);
    }

    private static partial class Log
    {
        [LoggerMessage(2420, LogLevel.Warning, "An authorization code of client {ClientId} was presented again; session {Sid}, which it began, was ended")]
        public static partial void Reused(ILogger logger, string clientId, string sid);
    }
}
