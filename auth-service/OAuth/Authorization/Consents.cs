using System.Text.Json.Nodes;
using AuthService.Audit;
using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;

namespace AuthService.OAuth.Authorization;

/// <summary>What a user has allowed a client that is not the operator's own.</summary>
internal sealed record Consent(string ClientId, string ClientName, IReadOnlyList<string> Scopes, DateTimeOffset GrantedAt);

/// <summary>
/// Consents of users. Every refresh of a client that needs one asks for it, so that a consent that was taken back is worth
/// nothing from then on, whatever becomes of the sessions.
/// </summary>
internal sealed class Consents(
    IDbContextFactory<UsersDbContext> databases, AuditLog audit, AccountReader accounts, SessionStore sessions, SessionTokens tokens, RevocationService revocation,
    TimeProvider time)
{
    private const int MaxAttempts = 5;

    /// <summary>Whether the user has allowed the client all of these scopes.</summary>
    public async Task<bool> IsGivenAsync(Guid userId, string clientId, IReadOnlyCollection<string> scopes, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var consent = await database.Consents.AsNoTracking().SingleOrDefaultAsync(row => row.UserId == userId && row.ClientId == clientId, cancellationToken);
        return consent is not null && scopes.All(consent.Scopes.Contains);
    }

    /// <summary>Adds to what the user has allowed.</summary>
    public async Task GrantAsync(Guid userId, string clientId, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await TryGrantAsync(userId, clientId, scopes, cancellationToken);
                return;
            }
            catch (DbUpdateException e) when (attempt < MaxAttempts && UsersDatabaseFaults.IsDuplicate(e))
            {
                // In another tab, at the same time.
            }
        }
    }

    /// <summary>What a user has allowed, by client.</summary>
    public async Task<IReadOnlyList<Consent>> ListAsync(Guid userId, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var rows = await database.Consents.AsNoTracking().Where(row => row.UserId == userId)
            .Join(database.Clients, row => row.ClientId, client => client.ClientId, (row, client) => new { Row = row, client.Name })
            .ToListAsync(cancellationToken);
        return [.. rows.OrderBy(row => row.Name, StringComparer.Ordinal)
            .Select(row => new Consent(row.Row.ClientId, row.Name, row.Row.Scopes, DateTimeOffset.FromUnixTimeMilliseconds(row.Row.GrantedAtMs)))];
    }

    /// <summary>Takes back what the user has allowed the client, and ends the user's sessions with it. Answers how many; doing
    /// it again ends what was left.</summary>
    public async Task<int> WithdrawAsync(Guid userId, string clientId, SessionActor by, CancellationToken cancellationToken)
    {
        revocation.EnsureAvailable();
        await using (var database = await databases.CreateDbContextAsync(cancellationToken))
        {
            if (await database.Consents.SingleOrDefaultAsync(row => row.UserId == userId && row.ClientId == clientId, cancellationToken) is { } row)
            {
                database.Remove(row);
                audit.Stage(database, new AuditRecord(AuditTypes.ConsentWithdrawn, by.Actor, userId.ToString("D"), clientId, Sid: null));
                await database.SaveChangesAsync(cancellationToken);
            }
        }

        // No refresh is answered from here on; what follows ends the access tokens too.
        if (await accounts.ReadAsync(userId, clientId, sid: null, cancellationToken) is not { } account) return 0;
        var live = (await sessions.ListAsync(userId, account.SessionEpoch, cancellationToken)).Where(session => session.ClientId == clientId).ToList();
        foreach (var session in live)
            await tokens.EndAsync(session.Sid, userId, clientId, expiresMs: null, SessionEndReason.EndedByUser, by, cancellationToken);
        return live.Count;
    }

    private async Task TryGrantAsync(Guid userId, string clientId, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var row = await database.Consents.SingleOrDefaultAsync(row => row.UserId == userId && row.ClientId == clientId, cancellationToken);
        if (row is not null && scopes.All(row.Scopes.Contains)) return;
        if (row is null) database.Add(row = new ConsentRow { UserId = userId, ClientId = clientId });
        row.Scopes = [.. row.Scopes.Union(scopes)];
        row.GrantedAtMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        var subject = userId.ToString("D");
        audit.Stage(database, new AuditRecord(AuditTypes.ConsentGranted, subject, subject, clientId, Sid: null, new JsonObject { ["scope"] = Scopes.Join(row.Scopes) }));
        await database.SaveChangesAsync(cancellationToken);
    }
}
