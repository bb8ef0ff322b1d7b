using AuthService.Audit;
using AuthService.Revocation;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.Sessions;

/// <summary>
/// Ends all sessions of a user, or all but one, at once: the user's epoch goes up, a cut-off kills the access tokens, and
/// both commit together with whatever made it necessary. No list of sessions is needed, so none can be missed.
/// </summary>
internal sealed class UserSessions(
    IDbContextFactory<UsersDbContext> databases, SessionStore sessions, RevocationService revocation, AuditLog audit, SessionPolicy policy,
    IOptions<AuthServiceOptions> options, TimeProvider time)
{
    private const int MaxAttempts = 5;

    /// <summary>Ends them. The receipt counts the sessions that were shown to the user as live.</summary>
    /// <param name="exceptSid">A session to spare; null for none.</param>
    /// <param name="auditType">What happened, for the audit event.</param>
    /// <param name="change">A further change of the user, committed with it (a new password, say); on tracked entities only.</param>
    /// <returns>The receipt, or null if there is no such user.</returns>
    /// <exception cref="RedisUnavailableException">Redis is away; nothing was changed.</exception>
    public async Task<RevocationReceipt?> EndAllAsync(
        Guid userId, string? exceptSid, string auditType, SessionActor by, CancellationToken cancellationToken, Action<User>? change = null)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TryEndAllAsync(userId, exceptSid, auditType, by, change, cancellationToken);
            }
            catch (DbUpdateConcurrencyException) when (attempt < MaxAttempts)
            {
                // Somebody else changed the user between our read and our write.
            }
        }
    }

    private async Task<RevocationReceipt?> TryEndAllAsync(
        Guid userId, string? exceptSid, string auditType, SessionActor by, Action<User>? change, CancellationToken cancellationToken)
    {
        revocation.EnsureAvailable();
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        if (await database.Users.SingleOrDefaultAsync(user => user.Id == userId, cancellationToken) is not { } user)
            return null;
        var epoch = user.SessionEpoch;
        var live = await sessions.ListAsync(userId, epoch, cancellationToken);
        // The spared session must pass before the commit and after it, whichever its next refresh meets.
        if (exceptSid is not null)
            await sessions.AllowEpochAsync(exceptSid, userId, epoch, epoch + 1, cancellationToken);

        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        user.SessionEpoch = epoch + 1;
        user.NotBeforeMs = Math.Max(now, user.NotBeforeMs) + (long)options.Value.MaxClockSkew.TotalMilliseconds;
        if (user.NotBeforeMs > now + (long)RevocationWriter.MaxCutOffLead.TotalMilliseconds)
            throw new RedisUnavailableException("The sessions of this user were ended too often within a minute.");
        user.ConcurrencyStamp = Guid.NewGuid().ToString();
        change?.Invoke(user);
        RevocationService.Stage(database, new RevocationEntry(
            policy.Issuer, RevocationKind.Sub, userId.ToString("D"), user.NotBeforeMs, exceptSid, user.NotBeforeMs + policy.LongestTokenLifeMs));
        audit.Stage(database, new AuditRecord(auditType, by.Actor, userId.ToString("D"), ClientId: null, exceptSid));
        // One transaction: user, revocation and audit event together or not at all.
        await database.SaveChangesAsync(cancellationToken);

        // From here on it has happened: the caller going away must not keep it from being published.
        var receipt = await revocation.PublishStagedAsync(CancellationToken.None);
        if (exceptSid is not null)
            await StampAsync(exceptSid, userId, epoch);
        return receipt with { Revoked = live.Count(session => session.Sid != exceptSid) };
    }

    /// <summary>Lost, the stamp is made good by the session's next refresh, if that comes while both epochs pass.</summary>
    private async Task StampAsync(string sid, Guid userId, long epoch)
    {
        try
        {
            await sessions.StampEpochAsync(sid, userId, epoch, epoch + 1, CancellationToken.None);
        }
        catch (RedisUnavailableException)
        {
            // The rows are committed and will be published; there is nothing to take back.
        }
    }
}
