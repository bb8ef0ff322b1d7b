using System.Data.Common;
using AuthService.Claims;
using AuthService.SigningKeys;

namespace AuthService.Users;

/// <summary>
/// Reads in one statement everything the database has to say about a token for a user: the user, the roles, the client,
/// the cut-offs, whether the session has ended, and which key signs. Runs at every refresh, hence plain ADO.NET; nothing is cached.
/// </summary>
internal sealed class AccountReader(IAccountQuery query)
{
    /// <summary>Every table is reached by an index. Claims are read only for a
    /// client that may have some. <c>joined_…</c> stands for the provider's string aggregate.</summary>
    private const string Sql = $"""
        SELECT u.user_name, COALESCE(u.display_name, u.user_name), u.disabled, u.session_epoch,
               u.not_before_ms, COALESCE(c.not_before_ms, 0), COALESCE(a.not_before_ms, 0),
               c.client_id IS NULL OR c.disabled,
               EXISTS (SELECT 1 FROM ended_sessions e WHERE e.sid = @sid),
               (SELECT joined_roles FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id),
               u.two_factor_enabled,
               (SELECT s.kid FROM signing_keys s WHERE s.state = '{SigningKeyState.Active}'),
               c.claim_rules,
               CASE WHEN c.claim_rules IS NOT NULL THEN
                 (SELECT joined_claims FROM user_claims k WHERE k.user_id = u.id) END,
               CASE WHEN c.claim_rules IS NOT NULL THEN
                 (SELECT joined_claims FROM user_roles ur JOIN role_claims k ON k.role_id = ur.role_id WHERE ur.user_id = u.id) END
        FROM users u
        LEFT JOIN clients c ON c.client_id = @client
        LEFT JOIN cut_offs a ON a.id = 'all'
        WHERE u.id = @id
        """;

    private const string JoinedRoles = "joined_roles";

    private const string JoinedClaims = "joined_claims";

    /// <summary>Stands between role names and between claims in the aggregates; none has a control character.</summary>
    internal const char Separator = '\u001f';

    /// <summary>Stands between the name of a claim and its value.</summary>
    internal const char NameSeparator = '\u001e';

    /// <summary>The statement of a provider.</summary>
    /// <param name="aggregate">Its function that joins texts; null values never occur.</param>
    /// <param name="character">Its function that makes a character.</param>
    internal static string SqlFor(string aggregate, string character) => Sql
        .Replace(JoinedRoles, $"{aggregate}(r.name, {character}({(int)Separator}))", StringComparison.Ordinal)
        .Replace(JoinedClaims, $"{aggregate}(k.claim_type || {character}({(int)NameSeparator}) || k.claim_value, {character}({(int)Separator}))", StringComparison.Ordinal);

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
        ClientDisabled: row.GetBoolean(7),
        SecondFactorEnabled: row.GetBoolean(10),
        row.IsDBNull(11) ? null : row.GetString(11),
        row.IsDBNull(12) ? null : ClaimRules.Stored(row.GetString(12)),
        row.IsDBNull(12) ? null : [.. Claims(row, 13), .. Claims(row, 14)]);

    private static IEnumerable<KeyValuePair<string, string>> Claims(DbDataReader row, int column) =>
        row.IsDBNull(column) ? [] : row.GetString(column).Split(Separator).Select(claim => claim.Split(NameSeparator, 2)).Where(claim => claim.Length == 2)
            .Select(claim => KeyValuePair.Create(claim[0], claim[1]));

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
