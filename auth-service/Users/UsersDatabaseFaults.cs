using System.Data.Common;
using System.Net.Sockets;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace AuthService.Users;

/// <summary>Which failures mean that the users database is away, to be answered 503 and repeated, and which are ours.</summary>
internal static class UsersDatabaseFaults
{
    /// <summary>Whether the failure passes by itself or by an operator's hand.</summary>
    public static bool IsAway(Exception exception) => exception switch
    {
        DbUpdateException { InnerException: { } inner } => IsAway(inner),
        // EF advises a retrying strategy by wrapping transient failures.
        InvalidOperationException { InnerException: DbException inner } => IsAway(inner),
        // https://sqlite.org/rescode.html: perm, busy, locked, readonly, ioerr, corrupt, full, cantopen, protocol, notadb.
        SqliteException sqlite => sqlite.SqliteErrorCode is 3 or 5 or 6 or 8 or 10 or 11 or 13 or 14 or 15 or 26,
        // Class 08 connection, 28 authorization, 3D no such database, 53 resources, 57 operator intervention and statements that
        // were cut off, 58 system; 25006: takes no writes (a standby, or its disk is full); transient: serialization and deadlock.
        PostgresException server => server.IsTransient || server.SqlState[..2] is "08" or "28" or "3D" or "53" or "57" or "58" || server.SqlState == PostgresErrorCodes.ReadOnlySqlTransaction,
        NpgsqlException or SocketException or TimeoutException => true,
        _ => false,
    };

    /// <summary>Whether a unique index refused a row.</summary>
    public static bool IsDuplicate(Exception exception) => exception switch
    {
        DbUpdateException { InnerException: { } inner } => IsDuplicate(inner),
        SqliteException sqlite => sqlite.SqliteExtendedErrorCode is 1555 or 2067, // SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE
        PostgresException server => server.SqlState == PostgresErrorCodes.UniqueViolation,
        _ => false,
    };
}
