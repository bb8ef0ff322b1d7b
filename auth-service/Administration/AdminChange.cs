using AuthService.Revocation;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Administration;

/// <summary>What a change came to.</summary>
/// <param name="Value">The state it left behind.</param>
/// <param name="Receipt">How far its revocations went; nothing revoked if the change needed none.</param>
internal sealed record Changed<T>(T Value, RevocationReceipt Receipt);

/// <summary>
/// Makes administrators' changes: rows, audit event and revocations in one transaction, published afterwards. The row's
/// concurrency stamp is compared by the very statement that writes it, so of two changes of one state one is made.
/// </summary>
internal sealed class AdminChange(IDbContextFactory<UsersDbContext> databases, RevocationService revocation)
{
    private const int MaxAttempts = 5;

    /// <param name="tags">The state the change is for. If any will do, a change that lost against another is made again.</param>
    /// <param name="change">Changes tracked rows and stages what belongs to it; answers the state it leaves, and how many
    /// revocations it staged. It may be called again, with a fresh context.</param>
    /// <param name="taken">What to refuse if a name is taken.</param>
    public async Task<Changed<T>> MakeAsync<T>(
        EntityTags tags, Func<UsersDbContext, Task<(T Value, int Revoked)>> change, Func<RefusedException> taken, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await TryMakeAsync(change, cancellationToken);
            }
            catch (DbUpdateConcurrencyException)
            {
                if (tags.Required || attempt == MaxAttempts) throw RefusedException.Stale;
            }
            catch (DbUpdateException e) when (UsersDatabaseFaults.IsDuplicate(e))
            {
                throw taken();
            }
        }
    }

    private async Task<Changed<T>> TryMakeAsync<T>(Func<UsersDbContext, Task<(T Value, int Revoked)>> change, CancellationToken cancellationToken)
    {
        T value;
        int revoked;
        await using (var database = await databases.CreateDbContextAsync(cancellationToken))
        {
            // In SQLite this takes the writer's lock before anything is read.
            await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
            (value, revoked) = await change(database);
            if (revoked > 0) revocation.EnsureAvailable();
            await database.SaveChangesAsync(cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }
        if (revoked == 0) return new Changed<T>(value, new RevocationReceipt(0, 0, 0, Durable: true));
        // From here on it has happened: the caller going away must not keep it from being published.
        var receipt = await revocation.PublishStagedAsync(CancellationToken.None);
        return new Changed<T>(value, receipt with { Revoked = revoked });
    }
}
