using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace AuthService.SigningKeys;

/// <summary>
/// The rows of all keys in a transaction that holds them against every other replica, so that what is decided from them is
/// still true when it is committed. A process that dies within it changes nothing and holds nobody up.
/// </summary>
internal sealed class LockedSigningKeys : IAsyncDisposable
{
    private const int MaxAttempts = 5;

    private readonly IDbContextTransaction _transaction;

    private LockedSigningKeys(UsersDbContext database, IDbContextTransaction transaction, List<SigningKeyRow> rows)
    {
        Database = database;
        _transaction = transaction;
        Rows = rows;
    }

    /// <summary>Whatever is to be committed with the change goes in here.</summary>
    public UsersDbContext Database { get; }

    /// <summary>All keys, oldest first; tracked.</summary>
    public List<SigningKeyRow> Rows { get; }

    public SigningKeyRow Active => Rows.Single(key => key.State == SigningKeyState.Active);

    public SigningKeyRow? Announced => Rows.Find(key => key.State == SigningKeyState.Announced);

    /// <summary>
    /// Waits for its turn. The active row is the lock: an update of it, to what it is, makes PostgreSQL hold the others at
    /// that row and SQLite at the database, and whoever comes next sees what was committed before.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no active key.</exception>
    public static async Task<LockedSigningKeys> LockAsync(IDbContextFactory<UsersDbContext> databases, CancellationToken cancellationToken)
    {
        var database = await databases.CreateDbContextAsync(cancellationToken);
        try
        {
            var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
            // 0: while this one waited, another replica made a different key active.
            for (var attempt = 1; await TouchActiveAsync(database, cancellationToken) == 0; attempt++)
            {
                if (attempt == MaxAttempts)
                    throw new InvalidOperationException("The table signing_keys has no active key; restart the service to make one.");
            }
            return new LockedSigningKeys(database, transaction, await database.SigningKeys.OrderBy(key => key.CreatedAtMs).ToListAsync(cancellationToken));
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }

    /// <summary>Adds a row.</summary>
    public void Add(SigningKeyRow row)
    {
        Database.Add(row);
        Rows.Add(row);
    }

    /// <summary>Makes <paramref name="next"/> the active key after the present one has come into another state.</summary>
    public async Task ActivateAsync(SigningKeyRow next, long nowMs, CancellationToken cancellationToken)
    {
        // Two statements, in this order: there is never more than one active key, not even within the transaction.
        await Database.SaveChangesAsync(cancellationToken);
        if (Rows.Contains(next)) next.MoveTo(SigningKeyState.Active, nowMs);
        else Add(next);
    }

    public async Task CommitAsync(CancellationToken cancellationToken)
    {
        await Database.SaveChangesAsync(cancellationToken);
        await _transaction.CommitAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _transaction.DisposeAsync();
        await Database.DisposeAsync();
    }

    private static Task<int> TouchActiveAsync(UsersDbContext database, CancellationToken cancellationToken) =>
        database.SigningKeys.Where(key => key.State == SigningKeyState.Active)
            .ExecuteUpdateAsync(set => set.SetProperty(key => key.StateSinceMs, key => key.StateSinceMs), cancellationToken);
}
