using AuthService.Audit;
using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Administration;

/// <summary>A live session as administrators see it.</summary>
internal sealed record SessionView(Guid UserId, string UserName, SessionInfo Session)
{
    public Dictionary<string, object?> Members => new()
    {
        ["sid"] = Session.Sid,
        ["user_id"] = UserId,
        ["username"] = UserName,
        ["client_id"] = Session.ClientId,
        ["created_at"] = Session.CreatedAt,
        ["last_seen_at"] = Session.LastSeenAt,
        ["expires_at"] = Session.ExpiresAt,
        ["ip"] = Session.Address,
        ["user_agent"] = Session.UserAgent,
    };
}

/// <summary>Shows and ends anybody's sessions.</summary>
internal sealed class SessionAdministration(
    IDbContextFactory<UsersDbContext> databases, SessionStore sessions, SessionTokens tokens, UserSessions userSessions)
{
    /// <summary>Users whose sessions one page looks at. No index by client is kept: it would grow with every sign-in, to be
    /// read almost never.</summary>
    private const int UsersAPage = 500;

    /// <summary>
    /// Live sessions in the order of user names, of one user or client or of all. A page takes whole users, so it may hold
    /// more than <see cref="PageRequest.Limit"/> or fewer, none even; the list ends where there is no next page.
    /// </summary>
    public async Task<Page<SessionView>> ListAsync(PageRequest page, Guid? userId, string? clientId, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var users = database.Users.AsNoTracking();
        if (userId is { } only) users = users.Where(user => user.Id == only);
        if (page.After is { } after) users = users.Where(user => string.Compare(user.NormalizedUserName, after) > 0);
        var candidates = await users.OrderBy(user => user.NormalizedUserName).Take(UsersAPage)
            .Select(user => new { user.Id, user.UserName, user.NormalizedUserName, user.SessionEpoch }).ToListAsync(cancellationToken);
        if (userId is not null && candidates.Count == 0 && page.After is null) throw RefusedException.NotFound("user");

        var found = new List<SessionView>();
        for (var i = 0; i < candidates.Count; i++)
        {
            var user = candidates[i];
            var live = await sessions.ListAsync(user.Id, user.SessionEpoch, cancellationToken);
            found.AddRange(live.Where(session => clientId is null || session.ClientId == clientId).Select(session => new SessionView(user.Id, user.UserName!, session)));
            var isLast = i == candidates.Count - 1;
            if (found.Count >= page.Limit && !isLast || isLast && candidates.Count == UsersAPage)
                return new Page<SessionView>(found, PageRequest.Cursor(user.NormalizedUserName!));
        }
        return new Page<SessionView>(found, null);
    }

    /// <summary>Ends one session.</summary>
    public async Task<RevocationReceipt> EndAsync(string sid, SessionActor by, CancellationToken cancellationToken)
    {
        if (!SessionKeys.IsSid(sid)) throw RefusedException.NotFound("session");
        var owner = await sessions.FindOwnerAsync(sid, cancellationToken) ?? await FindEndedAsync(sid, cancellationToken) ?? throw RefusedException.NotFound("session");
        return await tokens.EndAsync(sid, owner.UserId, owner.ClientId, expiresMs: null, SessionEndReason.EndedByAdministrator, by, cancellationToken);
    }

    /// <summary>Ends all sessions of a user.</summary>
    public async Task<RevocationReceipt> EndAllAsync(Guid userId, SessionActor by, CancellationToken cancellationToken) =>
        await userSessions.EndAllAsync(userId, exceptSid: null, AuditTypes.SessionsEnded, by, cancellationToken) ?? throw RefusedException.NotFound("user");

    /// <summary>One that Redis has lost and the database knows to have ended: saying so again publishes it again.</summary>
    private async Task<SessionOwner?> FindEndedAsync(string sid, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var ended = await database.EndedSessions.AsNoTracking().SingleOrDefaultAsync(session => session.Sid == sid, cancellationToken);
        return ended is not null && Guid.TryParse(ended.Sub, out var userId) ? new SessionOwner(userId, ended.ClientId) : null;
    }
}
