using Npgsql;

namespace AuthService.Users;

/// <summary>
/// Lets one replica at a time prepare the database (migrations, first rows, first keys). The lock dies with the process
/// or its connection: a crash leaves nothing behind that would block the next start.
/// </summary>
/// <remarks>EF's own lock in SQLite is a table row, which stays for ever after a crash; see
/// <see cref="UsersDatabase"/>.</remarks>
internal sealed class StartupLock : IAsyncDisposable
{
    // Any number that nobody else uses in this database: "gwusers" in ASCII.
    private const long AdvisoryLockKey = 0x67777573657273;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    private readonly IAsyncDisposable[] _held;

    private StartupLock(params IAsyncDisposable[] held) => _held = held;

    /// <summary>Waits for the lock.</summary>
    public static Task<StartupLock> AcquireAsync(UsersDatabaseOptions options, TimeProvider time, CancellationToken cancellationToken) =>
        options.Sqlite is { } sqlite
            ? AcquireFileAsync(sqlite.DataSource + ".lock", time, cancellationToken)
            : AcquireAdvisoryAsync(options.PostgreSql!, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        foreach (var held in _held) await held.DisposeAsync();
    }

    /// <summary>An exclusive lock on a file beside the database; the operating system lets go of it with the process.
    /// The file itself stays: removing it would let two processes lock two files of one name.</summary>
    private static async Task<StartupLock> AcquireFileAsync(string path, TimeProvider time, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        while (true)
        {
            try
            {
                return new StartupLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException e) when (e.GetType() == typeof(IOException))
            {
                // Held by another replica. Subclasses are real trouble: no such directory, path too long.
                await Task.Delay(Interval, time, cancellationToken);
            }
        }
    }

    /// <summary>A transaction's lock, not a session's, so that it works behind a connection pooler too; on a connection
    /// of its own, because EF runs each migration in a transaction of its own.</summary>
    private static async Task<StartupLock> AcquireAdvisoryAsync(NpgsqlConnectionStringBuilder options, CancellationToken cancellationToken)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(options.ConnectionString) { Pooling = false, KeepAlive = 5 }.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await using var command = new NpgsqlCommand("SELECT pg_advisory_xact_lock($1)", connection, transaction) { CommandTimeout = 0 };
            command.Parameters.AddWithValue(AdvisoryLockKey);
            await command.ExecuteNonQueryAsync(cancellationToken);
            return new StartupLock(transaction, connection);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }
}
