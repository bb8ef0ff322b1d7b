using System.Diagnostics;
using AuthService.Audit;
using AuthService.Claims;
using AuthService.Limits;
using AuthService.Revocation;
using AuthService.Tokens;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace AuthService.Sessions;

/// <summary>What a sign-in or a refresh is answered with.</summary>
/// <param name="Refresh">Only a client that may refresh is given it.</param>
/// <param name="Scope">Of the access token, which may be less than the session's.</param>
internal sealed record SessionTokenPair(IssuedAccessToken Access, string Refresh, string Scope, string Sid, Guid UserId, long AuthTimeSeconds)
{
    /// <summary>Without the tokens, which a record would print.</summary>
    public override string ToString() => $"{Access}, session {Sid}";
}

/// <summary>
/// Issues the tokens of sessions. The order of steps is what makes it safe: the issue time before anything is read, the
/// database before the session script, so that nothing is rotated when no answer can be given; and a step that fails
/// after the rotation is made good by presenting the same token again.
/// </summary>
internal sealed partial class SessionTokens(
    IssueClock clock, AccountReader accounts, SessionStore sessions, RefreshTokens refreshTokens, AccessTokenIssuer accessTokens, CustomClaims claims,
    RevocationService revocation, RefreshLimit limit, AuditOutbox audit, IDbContextFactory<UsersDbContext> databases, IOptions<AuthServiceOptions> options, ILogger<SessionTokens> logger)
{
    /// <summary>Starts a session for an account whose password (or other proof) was just checked.</summary>
    /// <param name="startMs"><see cref="IssueClock.Start"/>, taken before the account was read.</param>
    public async Task<SessionTokenPair> StartAsync(
        AccountState account, string clientId, string scope, long startMs, string? address, string? userAgent, CancellationToken cancellationToken)
    {
        var (idle, absolute) = await LifetimesAsync(clientId, cancellationToken);
        return await StartAsync(
            account, new NewSession(account.Id, clientId, scope, account.SessionEpoch, startMs / 1000, address, userAgent, idle, absolute), startMs, cancellationToken);
    }

    /// <summary>The same with everything about the session decided.</summary>
    public async Task<SessionTokenPair> StartAsync(AccountState account, NewSession session, long startMs, CancellationToken cancellationToken)
    {
        revocation.EnsureAvailable();
        var started = await sessions.StartAsync(session, cancellationToken);
        audit.Started(session, started.Sid, started.EventId);
        return await IssueFirstAsync(account, session, started.Token, startMs, cancellationToken);
    }

    /// <summary>The first tokens of a session that has just begun.</summary>
    public async Task<SessionTokenPair> IssueFirstAsync(AccountState account, NewSession session, RefreshToken first, long startMs, CancellationToken cancellationToken)
    {
        if (options.Value.MaxSessionsPerUser > 0)
            await EndOldestAsync(account, session.Address, cancellationToken);
        return await IssueAsync(account, first, session.Scope, session.AuthTimeSeconds, startMs, cancellationToken);
    }

    /// <summary>How long a session of a client lives: idle, and at most. One that is never refreshed lives as long as its
    /// only access token.</summary>
    public (TimeSpan Idle, TimeSpan Absolute) LifetimesOf(Client client, bool refreshed)
    {
        var settings = options.Value;
        if (refreshed)
            return (Seconds(client.RefreshTokenLifetimeSeconds) ?? settings.RefreshTokenLifetime, Seconds(client.SessionLifetimeSeconds) ?? settings.SessionLifetime);
        var token = settings.AccessTokenLifetime + (2 * settings.MaxClockSkew);
        return (token, token);
    }

    /// <summary>Exchanges a refresh token for new tokens; null if it is not good for any.</summary>
    /// <param name="clientId">The client that presents it; a token of another client is refused.</param>
    /// <param name="narrow">Makes of the session's scope that of the access token; null for the same.</param>
    public async Task<SessionTokenPair?> RefreshAsync(
        string? text, string clientId, SessionActor by, CancellationToken cancellationToken, Func<string, string>? narrow = null)
    {
        var startMs = clock.Start();
        if (await refreshTokens.ReadAsync(text) is not { } token || token.ClientId != clientId)
            return null;
        revocation.EnsureAvailable();
        await limit.CountAddressAsync(by.Address, cancellationToken);
        limit.EnsureUser(token.UserId);
        if (await ReadLiveAccountAsync(token, cancellationToken) is not { } account)
            return null;
        var outcome = await sessions.RotateAsync(token, account.SessionEpoch, by, cancellationToken);
        if (outcome.OutboxId is { } outboxId)
        {
            if (outcome.Kind == RotationKind.FromTheFuture) Log.FromTheFuture(logger, token.Sid, token.Generation);
            else Log.Reused(logger, token.Sid, token.Generation);
            await revocation.PublishOutboxAsync(token.Sid, SessionKeys.Partition(token.Sid), outboxId, cancellationToken);
        }
        if (outcome.Successor is not { } successor)
            return null;
        audit.NoteWritten(SessionKeys.Partition(token.Sid));
        if (outcome.Kind == RotationKind.MovedForward)
            Log.MovedForward(logger, token.Sid);
        await limit.CountUserAsync(token.UserId, cancellationToken);
        return await IssueAsync(account, successor, narrow is null ? outcome.Scope : narrow(outcome.Scope), outcome.AuthTimeSeconds, startMs, cancellationToken);
    }

    /// <summary>Whether a refresh token would be answered with tokens now. Has no consequences for the session.</summary>
    public async Task<bool> IsLiveAsync(string text, CancellationToken cancellationToken)
    {
        if (await refreshTokens.ReadAsync(text) is not { } token)
            return false;
        revocation.EnsureAvailable();
        return await ReadLiveAccountAsync(token, cancellationToken) is { } account
            && await sessions.IsLiveAsync(token, account.SessionEpoch, cancellationToken);
    }

    /// <summary>Ends the session of a refresh token of any generation; null for a token that was never issued.</summary>
    public async Task<RevocationReceipt?> EndAsync(string? text, SessionEndReason reason, SessionActor by, CancellationToken cancellationToken)
    {
        if (await refreshTokens.ReadAsync(text) is not { } token)
            return null;
        return await EndAsync(token.Sid, token.UserId, token.ClientId, token.SessionExpiresMs, reason, by, cancellationToken);
    }

    /// <summary>Ends a session wherever it stands, and tells the gateways. Works without the users database.</summary>
    public async Task<RevocationReceipt> EndAsync(
        string sid, Guid userId, string clientId, long? expiresMs, SessionEndReason reason, SessionActor by, CancellationToken cancellationToken)
    {
        var ending = await sessions.EndAsync(sid, userId, clientId, expiresMs, reason, by, cancellationToken);
        // A session that was over by its age has no token left that could be accepted.
        if (ending.OutboxId is not { } outboxId)
            return new RevocationReceipt(0, 0, 0, Durable: true);
        if (ending.Ended)
            Log.Ended(logger, sid, reason);
        return await revocation.PublishOutboxAsync(sid, ending.Partition, outboxId, cancellationToken);
    }

    /// <summary>Sign-ins at once, on any replicas, find the same oldest ones; ending one twice ends it once.</summary>
    private async Task EndOldestAsync(AccountState account, string? address, CancellationToken cancellationToken)
    {
        var by = new SessionActor(account.Id.ToString("D"), address, Activity.Current?.TraceId.ToHexString());
        foreach (var session in await sessions.ListOldestAsync(account.Id, account.SessionEpoch, options.Value.MaxSessionsPerUser, cancellationToken))
            await EndAsync(session.Sid, account.Id, session.ClientId, expiresMs: null, SessionEndReason.TooMany, by, cancellationToken);
    }

    private async Task<AccountState?> ReadLiveAccountAsync(RefreshToken token, CancellationToken cancellationToken) =>
        await accounts.ReadAsync(token.UserId, token.ClientId, token.Sid, cancellationToken) is { Disabled: false, ClientDisabled: false, SessionEnded: false } account
            ? account
            : null;

    private async Task<SessionTokenPair> IssueAsync(
        AccountState account, RefreshToken refresh, string scope, long authTime, long startMs, CancellationToken cancellationToken)
    {
        var access = await accessTokens.IssueAsync(
            new AccessTokenRequest(
                account.Id.ToString("D"), refresh.ClientId, scope, IssueClock.IssueTime(startMs, account.NotBeforeMs), account.SigningKeyId, refresh.Sid, authTime,
                account.Roles, account.Name, await claims.ForAsync(account, refresh.ClientId, cancellationToken)),
            cancellationToken);
        return new SessionTokenPair(access, refreshTokens.Write(refresh), scope, refresh.Sid, account.Id, authTime);
    }

    private async Task<(TimeSpan Idle, TimeSpan Absolute)> LifetimesAsync(string clientId, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var own = await database.Clients.AsNoTracking().Where(client => client.ClientId == clientId)
            .Select(client => new { client.RefreshTokenLifetimeSeconds, client.SessionLifetimeSeconds }).SingleOrDefaultAsync(cancellationToken);
        return (Seconds(own?.RefreshTokenLifetimeSeconds) ?? options.Value.RefreshTokenLifetime, Seconds(own?.SessionLifetimeSeconds) ?? options.Value.SessionLifetime);
    }

    private static TimeSpan? Seconds(long? seconds) => seconds is { } own ? TimeSpan.FromSeconds(own) : null;

    private static partial class Log
    {
        [LoggerMessage(2310, LogLevel.Warning, "A used refresh token of session {Sid} was presented again, generation {Generation}; the session was ended")]
        public static partial void Reused(ILogger logger, string sid, long generation);

        [LoggerMessage(2311, LogLevel.Critical, "A refresh token of session {Sid} with generation {Generation} was presented, which was never issued although Redis lost nothing; the session was ended. Unless sessions were restored into a running Redis, a refresh token key may have leaked: rotate them.")]
        public static partial void FromTheFuture(ILogger logger, string sid, long generation);

        [LoggerMessage(2312, LogLevel.Warning, "Redis had lost the last refreshes of session {Sid}; it goes on from the client's token")]
        public static partial void MovedForward(ILogger logger, string sid);

        [LoggerMessage(2313, LogLevel.Information, "Session {Sid} ended: {Reason}")]
        public static partial void Ended(ILogger logger, string sid, SessionEndReason reason);
    }
}
