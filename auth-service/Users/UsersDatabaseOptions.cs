using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Options;
using Npgsql;

namespace AuthService.Users;

/// <summary>The users database: <c>ConnectionStrings:Users</c>. Required. <c>Data Source=/path/users.db</c> is SQLite (one
/// host; replicas on it share the file), <c>Host=…</c> is PostgreSQL. SQLite in memory is refused: each connection would
/// see a database of its own.</summary>
internal sealed class UsersDatabaseOptions
{
    /// <summary>The setting's name.</summary>
    public const string Setting = "ConnectionStrings:Users";

    /// <summary>Set for SQLite.</summary>
    public SqliteConnectionStringBuilder? Sqlite { get; init; }

    /// <summary>Set for PostgreSQL.</summary>
    public NpgsqlConnectionStringBuilder? PostgreSql { get; init; }

    /// <summary>Reads a connection string.</summary>
    /// <exception cref="OptionsValidationException">It is missing, or of neither kind.</exception>
    public static UsersDatabaseOptions Parse(string? connectionString)
    {
        if (string.IsNullOrWhiteSpace(connectionString))
            throw Fault("is required: 'Data Source=/path/users.db' (SQLite) or 'Host=…;Database=…;Username=…' (PostgreSQL).");
        try
        {
            if (connectionString.Contains("Host=", StringComparison.OrdinalIgnoreCase) || connectionString.Contains("Server=", StringComparison.OrdinalIgnoreCase))
                return new UsersDatabaseOptions { PostgreSql = ReadPostgreSql(connectionString) };
            return new UsersDatabaseOptions { Sqlite = ReadSqlite(connectionString) };
        }
        catch (ArgumentException e)
        {
            throw Fault($"cannot be read: {e.Message}");
        }
    }

    // Of a keyword that comes twice the last counts: what the setting says goes before these.
    // The account query runs at every refresh: prepared once per connection, it is not planned each time.
    // A request must hear within seconds that the database is away.
    private static NpgsqlConnectionStringBuilder ReadPostgreSql(string connectionString) =>
        new("Max Auto Prepare=32;Timeout=3;Command Timeout=5;Cancellation Timeout=500;" + connectionString);

    private static SqliteConnectionStringBuilder ReadSqlite(string connectionString)
    {
        // How long a writer waits for another, seconds; longer waits are answered 503. Of a keyword that comes twice the last counts.
        var builder = new SqliteConnectionStringBuilder("Default Timeout=5;" + connectionString);
        if (builder.DataSource.Length == 0) throw Fault("names neither a 'Data Source' (SQLite) nor a 'Host' (PostgreSQL).");
        if (builder.Mode == SqliteOpenMode.Memory || builder.DataSource.Contains(":memory:", StringComparison.OrdinalIgnoreCase))
            throw Fault("must name a file; every connection to SQLite in memory sees a database of its own.");
        if (builder.Mode == SqliteOpenMode.ReadOnly) throw Fault("must not be read-only.");
        builder.DataSource = Path.GetFullPath(builder.DataSource);
        // A database file that has vanished is a database that is away, not an empty one. Start-up creates it.
        builder.Mode = SqliteOpenMode.ReadWrite;
        return builder;
    }

    private static OptionsValidationException Fault(string what) =>
        new(Options.DefaultName, typeof(UsersDatabaseOptions), [$"{Setting} {what}"]);
}
