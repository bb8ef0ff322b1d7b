using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Users;

/// <summary>Brings the database's schema up to date and puts in the rows that every database has.</summary>
internal sealed partial class UsersDatabase(
    IDbContextFactory<UsersDbContext> databases, UsersDatabaseOptions options, TimeProvider time, ILogger<UsersDatabase> logger)
    : IPreparationStep
{
    /// <summary>Runs under <see cref="StartupLock"/>. Every step may be cut off at any line and is completed by the next
    /// start: a migration is one transaction with its row in the history, and rows are added if absent.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        if (options.Sqlite is { } sqlite) await PrepareSqliteAsync(sqlite, cancellationToken);
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var pending = (await database.Database.GetPendingMigrationsAsync(cancellationToken)).ToList();
        if (pending.Count > 0)
        {
            await database.Database.MigrateAsync(cancellationToken);
            Log.Migrated(logger, pending.Count, pending[^1]);
        }
        await AddFixedRowsAsync(database, cancellationToken);
    }

    private async Task AddFixedRowsAsync(UsersDbContext database, CancellationToken cancellationToken)
    {
        if (!await database.CutOffs.AnyAsync(cancellationToken)) database.Add(new CutOff { Id = CutOff.All });
        foreach (var role in (string[])[Role.User, Role.Admin])
        {
            var normalized = role.ToUpperInvariant();
            if (!await database.Roles.AnyAsync(r => r.NormalizedName == normalized, cancellationToken))
                database.Add(new Role { Id = Guid.CreateVersion7(time.GetUtcNow()), Name = role, NormalizedName = normalized });
        }
        if (!await database.Clients.AnyAsync(c => c.ClientId == Client.Api, cancellationToken))
        {
            database.Add(new Client
            {
                ClientId = Client.Api,
                Name = "Sign-in through the JSON API",
                TokenEndpointAuthMethod = "none",
                Scopes = ["profile"],
                FirstParty = true,
                CreatedAtMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
            });
        }
        await database.SaveChangesAsync(cancellationToken);
    }

    /// <summary>Creates the file (requests later open it only if it exists), turns on write-ahead logging, so that readers
    /// and a writer do not wait for each other, and drops EF's migration lock.</summary>
    private static async Task PrepareSqliteAsync(SqliteConnectionStringBuilder sqlite, CancellationToken cancellationToken)
    {
        var creating = new SqliteConnectionStringBuilder(sqlite.ConnectionString) { Mode = SqliteOpenMode.ReadWriteCreate, Pooling = false };
        await using var connection = new SqliteConnection(creating.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        // We hold the lock that all replicas take first: whoever made this one died with it.
        command.CommandText = """PRAGMA journal_mode = WAL; DROP TABLE IF EXISTS "__EFMigrationsLock";""";
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static partial class Log
    {
        [LoggerMessage(2000, LogLevel.Information, "Applied {Count} migrations to the users database, up to {Last}")]
        public static partial void Migrated(ILogger logger, int count, string last);
    }
}
