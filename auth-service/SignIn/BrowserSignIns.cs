using System.Text.Json.Nodes;
using AuthService.Audit;
using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.SignIn;

/// <summary>
/// Sign-ins of browsers, kept in the users database: they outlive a lost Redis, and end with the user's epoch. A sign-in
/// knows the sessions that were started from it; its end, theirs, their revocations and their audit events are one
/// transaction.
/// </summary>
internal sealed class BrowserSignIns(
    IDbContextFactory<UsersDbContext> databases, SessionStore sessions, RevocationService revocation, AuditLog audit, SessionPolicy policy,
    IOptions<AuthServiceOptions> options, TimeProvider time)
{
    /// <summary>How often, at most, use moves the expiry on.</summary>
    private static readonly TimeSpan TouchInterval = TimeSpan.FromMinutes(1);

    // One statement: SQLite has one writer at a time, and others wait for as long as a transaction goes to and fro.
    private const string InsertLink = """
        INSERT INTO browser_sign_in_sessions (sign_in_id, sid, expires_ms)
        SELECT id, {1}, {2} FROM browser_sign_ins WHERE id = {0} AND expires_ms > {3}
        """;

    // Takes the row's lock, for the same reason as EndAsync; in SQLite whoever writes has locked everything.
    private const string LockingSignIn = " FOR UPDATE";

    private const int MaxAttempts = 5;

    /// <summary>How many a list shows.</summary>
    private const int MaxListed = 100;

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The sign-in if it stands: used within <c>SignInLifetime</c>, its user neither disabled nor deleted, and no
    /// password change or "sign out everywhere" since. Counts as use.</summary>
    public async Task<BrowserSignIn?> ReadAsync(string id, CancellationToken cancellationToken)
    {
        var now = NowMs;
        var youngest = now - Milliseconds(options.Value.SessionLifetime);
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var row = await (
            from signIn in database.BrowserSignIns.AsNoTracking()
            join user in database.Users on signIn.UserId equals user.Id
            where signIn.Id == id && signIn.ExpiresMs > now && signIn.CreatedAtMs > youngest && !user.Disabled && user.SessionEpoch == signIn.SessionEpoch
            select signIn).SingleOrDefaultAsync(cancellationToken);
        if (row is null)
            return null;
        if (now - row.LastSeenAtMs >= Math.Min(Milliseconds(TouchInterval), Milliseconds(options.Value.SignInLifetime) / 10))
        {
            // Not one that has ended meanwhile.
            await database.BrowserSignIns.Where(signIn => signIn.Id == id && signIn.ExpiresMs > now).ExecuteUpdateAsync(
                set => set.SetProperty(signIn => signIn.LastSeenAtMs, now).SetProperty(signIn => signIn.ExpiresMs, now + Milliseconds(options.Value.SignInLifetime)),
                cancellationToken);
            await database.BrowserSignInSessions.Where(link => link.SignInId == id && link.ExpiresMs <= now).ExecuteDeleteAsync(cancellationToken);
        }
        return new BrowserSignIn(row.Id, row.UserId, row.SessionEpoch, row.AuthTime, row.Amr.Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>Begins a sign-in.</summary>
    /// <param name="id">SHA-256 of a new secret.</param>
    /// <param name="account">Who proved to be that user.</param>
    /// <param name="replaces">The sign-in the same browser had before. If it was the same person's, its sessions go on and
    /// belong to the new one; another's ends as by a sign-out.</param>
    public async Task<BrowserSignIn> StartAsync(
        string id, AccountState account, long authTimeSeconds, IReadOnlyList<string> amr, string? replaces, CancellationToken cancellationToken)
    {
        if (replaces is not null && !await IsOfAsync(replaces, account.Id, cancellationToken))
        {
            await EndAsync(replaces, actor: null, cancellationToken);
            replaces = null;
        }
        var now = NowMs;
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        database.BrowserSignIns.Add(new BrowserSignInRow
        {
            Id = id,
            UserId = account.Id,
            SessionEpoch = account.SessionEpoch,
            AuthTime = authTimeSeconds,
            Amr = string.Join(' ', amr),
            CreatedAtMs = now,
            LastSeenAtMs = now,
            ExpiresMs = now + Milliseconds(options.Value.SignInLifetime),
        });
        var sub = account.Id.ToString("D");
        audit.Stage(database, new AuditRecord(AuditTypes.SignedIn, sub, sub, ClientId: null, Sid: null, new JsonObject { ["by"] = "browser", ["amr"] = string.Join(' ', amr) }));
        await database.SaveChangesAsync(cancellationToken);
        if (replaces is not null)
        {
            // A session that is linked at this moment is moved below, or refused.
            await LockAsync(database, replaces, cancellationToken);
            await database.BrowserSignInSessions.Where(link => link.SignInId == replaces).ExecuteUpdateAsync(
                set => set.SetProperty(link => link.SignInId, id), cancellationToken);
            await database.BrowserSignIns.Where(signIn => signIn.Id == replaces).ExecuteDeleteAsync(cancellationToken);
        }
        await transaction.CommitAsync(cancellationToken);
        return new BrowserSignIn(id, account.Id, account.SessionEpoch, authTimeSeconds, amr);
    }

    /// <summary>
    /// Remembers that a session was started from a sign-in. False if the sign-in is over: the session must not be given
    /// to anybody, and is to be ended by whoever started it.
    /// </summary>
    /// <param name="expiresMs">The session's absolute expiry, Unix ms.</param>
    public async Task<bool> LinkSessionAsync(string id, string sid, long expiresMs, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var insert = database is SqliteUsersDbContext ? InsertLink : InsertLink + LockingSignIn;
        return await database.Database.ExecuteSqlRawAsync(insert, [id, sid, expiresMs, NowMs], cancellationToken) == 1;
    }

    /// <summary>The sign-ins of a user that stand, the last used first.</summary>
    public async Task<IReadOnlyList<BrowserSignInRow>> ListAsync(Guid userId, long sessionEpoch, CancellationToken cancellationToken)
    {
        var now = NowMs;
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await database.BrowserSignIns.AsNoTracking()
            .Where(signIn => signIn.UserId == userId && signIn.SessionEpoch == sessionEpoch && signIn.ExpiresMs > now)
            .OrderByDescending(signIn => signIn.LastSeenAtMs).Take(MaxListed).ToListAsync(cancellationToken);
    }

    /// <summary>Whether a sign-in, standing or not, is a user's.</summary>
    public async Task<bool> IsOfAsync(string id, Guid userId, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await database.BrowserSignIns.AnyAsync(signIn => signIn.Id == id && signIn.UserId == userId, cancellationToken);
    }

    /// <summary>Ends a sign-in and every session that was started from it. Again, or for one that is not known: nothing.</summary>
    /// <param name="actor">The <c>sub</c> or client id of who asked for it; null for the browser's next user.</param>
    /// <exception cref="RedisUnavailableException">Redis is away; nothing was changed.</exception>
    public async Task<RevocationReceipt> EndAsync(string id, string? actor, CancellationToken cancellationToken)
    {
        revocation.EnsureAvailable();
        var clients = await ReadClientsAsync(id, cancellationToken);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var (user, ended) = await CommitEndAsync(id, actor, clients, cancellationToken);
                return ended.Count == 0 ? new RevocationReceipt(0, 0, 0, Durable: true) : await PublishAsync(user, ended);
            }
            catch (DbUpdateException e) when (attempt < MaxAttempts && UsersDatabaseFaults.IsDuplicate(e))
            {
                // One of the sessions was ended by somebody else between our read and our write.
            }
        }
    }

    /// <summary>Whose sessions they are, for the records; asked before the transaction, which is not to wait for Redis.</summary>
    private async Task<Dictionary<string, string>> ReadClientsAsync(string id, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var links = await (
            from link in database.BrowserSignInSessions
            join signIn in database.BrowserSignIns on link.SignInId equals signIn.Id
            where link.SignInId == id
            select new { link.Sid, signIn.UserId }).ToListAsync(cancellationToken);
        var found = await Task.WhenAll(links.Select(link => sessions.FindAsync(link.Sid, link.UserId, cancellationToken)));
        return found.OfType<SessionInfo>().ToDictionary(session => session.Sid, session => session.ClientId);
    }

    private async Task<(Guid User, IReadOnlyList<string> Sids)> CommitEndAsync(
        string id, string? actor, Dictionary<string, string> clients, CancellationToken cancellationToken)
    {
        var now = NowMs;
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        // A session that is linked at this moment is either found below, or refused there.
        if (await LockAsync(database, id, cancellationToken) == 0)
            return (default, []);
        var user = await database.BrowserSignIns.Where(signIn => signIn.Id == id).Select(signIn => signIn.UserId).SingleAsync(cancellationToken);
        var sub = user.ToString("D");
        var links = await database.BrowserSignInSessions.AsNoTracking()
            .Where(link => link.SignInId == id && link.ExpiresMs > now && !database.EndedSessions.Any(ended => ended.Sid == link.Sid))
            .ToListAsync(cancellationToken);
        foreach (var link in links)
        {
            RevocationService.Stage(database, new RevocationEntry(policy.Issuer, RevocationKind.Sid, link.Sid, 0, null, now + policy.LongestTokenLifeMs));
            // Redis may have lost the session, and an older copy of it may come back: it ends in any case.
            var client = clients.GetValueOrDefault(link.Sid, "");
            database.EndedSessions.Add(new EndedSession
            {
                Sid = link.Sid,
                Sub = sub,
                ClientId = client,
                Reason = "logged_out",
                EndedAtMs = now,
                ExpiresMs = link.ExpiresMs,
            });
            audit.Stage(database, new AuditRecord(AuditTypes.SessionEnded, actor, sub, client, link.Sid, new JsonObject { ["reason"] = "logged_out" }));
        }
        audit.Stage(database, new AuditRecord(AuditTypes.BrowserSignedOut, actor, sub, ClientId: null, Sid: null, new JsonObject { ["sessions"] = links.Count }));
        await database.SaveChangesAsync(cancellationToken);
        await database.BrowserSignIns.Where(signIn => signIn.Id == id).ExecuteDeleteAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return (user, [.. links.Select(link => link.Sid)]);
    }

    /// <summary>Locks a sign-in's row until the end of the transaction, after which it takes no more sessions.</summary>
    private static Task<int> LockAsync(UsersDbContext database, string id, CancellationToken cancellationToken) =>
        database.BrowserSignIns.Where(signIn => signIn.Id == id).ExecuteUpdateAsync(set => set.SetProperty(signIn => signIn.ExpiresMs, 0), cancellationToken);

    /// <summary>From here on it has happened: the caller going away must not keep it from being published.</summary>
    private async Task<RevocationReceipt> PublishAsync(Guid user, IReadOnlyList<string> sids)
    {
        var receipt = await revocation.PublishStagedAsync(CancellationToken.None);
        try
        {
            await Task.WhenAll(sids.Select(sid => sessions.ForgetAsync(sid, user, CancellationToken.None)));
        }
        catch (RedisUnavailableException)
        {
            // The database has their ends: no refresh passes, and the records expire by themselves.
        }
        return receipt with { Revoked = sids.Count };
    }

    private static long Milliseconds(TimeSpan span) => (long)span.TotalMilliseconds;
}
