using Npgsql;

namespace AuthService.Users;

/// <summary>The account query in PostgreSQL.</summary>
internal sealed class PostgreSqlAccountQuery(NpgsqlDataSource dataSource) : IAccountQuery
{
    private static readonly string Sql = AccountReader.SqlFor("string_agg", "chr");

    public async Task<AccountState?> ReadAsync(Guid userId, string clientId, string? sid, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Sql);
        command.Parameters.Add(new NpgsqlParameter<Guid>("id", userId));
        command.Parameters.Add(new NpgsqlParameter<string>("client", clientId));
        command.Parameters.Add(new NpgsqlParameter("sid", NpgsqlTypes.NpgsqlDbType.Text) { Value = (object?)sid ?? DBNull.Value });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        return await row.ReadAsync(cancellationToken) ? AccountReader.Read(userId, row) : null;
    }
}
