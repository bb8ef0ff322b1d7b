using System.Data.Common;

namespace AuthService.Users;

/// <summary>
/// Reads in one statement everything the database has to say about a token for a user: the user, the roles, the client,
/// the cut-offs and whether the session has ended. Runs at every refresh, hence plain ADO.NET; nothing is cached.
/// </summary>
internal sealed class AccountReader(IAccountQuery query)
{
    /// <summary>Every table is reached by its primary key. <see cref="JoinedRoles"/> stands for the provider's string
    /// aggregate over role names.</summary>
    internal const string Sql = """
        SELECT u.user_name, COALESCE(u.display_name, u.user_name), u.disabled, u.session_epoch,
               u.not_before_ms, COALESCE(c.not_before_ms, 0), COALESCE(a.not_before_ms, 0),
               c.client_id IS NULL OR c.disabled,
               EXISTS (SELECT 1 FROM ended_sessions e WHERE e.sid = @sid),
               (SELECT joined_roles FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id)
        FROM users u
        LEFT JOIN clients c ON c.client_id = @client
        LEFT JOIN cut_offs a ON a.id = 'all'
        WHERE u.id = @id
        """;

    internal const string JoinedRoles = "joined_roles";

    /// <summary>Stands between role names in the aggregate; no role name has a control character.</summary>
    internal const char Separator = '\u001f';

    /// <summary>The state of an account, or null if there is no such user.</summary>
    /// <param name="userId">User.</param>
    /// <param name="clientId">The client the token is for.</param>
    /// <param name="sid">The session the token is for; null for a new one.</param>
    /// <param name="cancellationToken">Cancellation.</param>
    /// <exception cref="DbException">The database is away, see <see cref="UsersDatabaseFaults"/>.</exception>
    public Task<AccountState?> ReadAsync(Guid userId, string clientId, string? sid, CancellationToken cancellationToken) =>
        query.ReadAsync(userId, clientId, sid, cancellationToken);

    internal static AccountState Read(Guid userId, DbDataReader row) => new(
        userId,
        row.GetString(0),
        row.GetString(1),
        row.GetBoolean(2),
        row.GetInt64(3),
        Math.Max(row.GetInt64(4), Math.Max(row.GetInt64(5), row.GetInt64(6))),
        Roles(row.IsDBNull(9) ? "" : row.GetString(9)),
        SessionEnded: row.GetBoolean(8),
        ClientDisabled: row.GetBoolean(7));

    private static string[] Roles(string joined)
    {
        if (joined.Length == 0) return [];
        var roles = joined.Split(Separator);
        Array.Sort(roles, StringComparer.Ordinal);
        return roles;
    }
}

/// <summary>The account query of one database provider.</summary>
internal interface IAccountQuery
{
    Task<AccountState?> ReadAsync(Guid userId, string clientId, string? sid, CancellationToken cancellationToken);
}
