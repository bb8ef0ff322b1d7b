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

    private static NpgsqlConnectionStringBuilder ReadPostgreSql(string connectionString)
    {
        var builder = new NpgsqlConnectionStringBuilder(connectionString);
        // Its ContainsKey says yes to every keyword there is, so what is at the provider's default counts as not chosen.
        var defaults = new NpgsqlConnectionStringBuilder();
        // The account query runs at every refresh: prepared once per connection, it is not planned each time.
        if (builder.MaxAutoPrepare == defaults.MaxAutoPrepare) builder.MaxAutoPrepare = 32;
        // A request must hear within seconds that the database is away.
        if (builder.Timeout == defaults.Timeout) builder.Timeout = 3;
        if (builder.CommandTimeout == defaults.CommandTimeout) builder.CommandTimeout = 5;
        if (builder.CancellationTimeout == defaults.CancellationTimeout) builder.CancellationTimeout = 500;
        return builder;
    }

    private static SqliteConnectionStringBuilder ReadSqlite(string connectionString)
    {
        var builder = new SqliteConnectionStringBuilder(connectionString);
        if (builder.DataSource.Length == 0) throw Fault("names neither a 'Data Source' (SQLite) nor a 'Host' (PostgreSQL).");
        if (builder.Mode == SqliteOpenMode.Memory || builder.DataSource.Contains(":memory:", StringComparison.OrdinalIgnoreCase))
            throw Fault("must name a file; every connection to SQLite in memory sees a database of its own.");
        if (builder.Mode == SqliteOpenMode.ReadOnly) throw Fault("must not be read-only.");
        builder.DataSource = Path.GetFullPath(builder.DataSource);
        // A database file that has vanished is a database that is away, not an empty one. Start-up creates it.
        builder.Mode = SqliteOpenMode.ReadWrite;
        // How long a writer waits for another, seconds; longer waits are answered 503.
        if (!builder.ContainsKey("Default Timeout") || builder.DefaultTimeout == 30) builder.DefaultTimeout = 5;
        return builder;
    }

    private static OptionsValidationException Fault(string what) =>
        new(Options.DefaultName, typeof(UsersDatabaseOptions), [$"{Setting} {what}"]);
}
