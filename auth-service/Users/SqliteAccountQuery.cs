using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;

namespace AuthService.Users;

/// <summary>The account query in SQLite: prepared once per connection, a connection per concurrent reader. SQLite has no
/// asynchronous reads; one takes some tens of microseconds.</summary>
internal sealed class SqliteAccountQuery(UsersDatabaseOptions options) : IAccountQuery, IDisposable
{
    internal static readonly string Sql = AccountReader.SqlFor("group_concat", "char");

    private readonly string _connectionString = new SqliteConnectionStringBuilder(options.Sqlite!.ConnectionString) { Pooling = false }.ConnectionString;
    private readonly ConcurrentBag<Prepared> _pool = [];
    private volatile bool _disposed;

    public Task<AccountState?> ReadAsync(Guid userId, string clientId, string? sid, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return Task.FromCanceled<AccountState?>(cancellationToken);
        // What failed is not used again: its file may have been replaced.
        var prepared = _pool.TryTake(out var pooled) ? pooled : new Prepared(_connectionString);
        var usable = false;
        try
        {
            var state = prepared.Read(userId, clientId, sid);
            usable = true;
            return Task.FromResult(state);
        }
        catch (SqliteException e)
        {
            return Task.FromException<AccountState?>(e);
        }
        finally
        {
            if (usable && !_disposed) _pool.Add(prepared);
            else prepared.Dispose();
        }
    }

    public void Dispose()
    {
        _disposed = true;
        while (_pool.TryTake(out var prepared)) prepared.Dispose();
    }

    private sealed class Prepared : IDisposable
    {
        private readonly SqliteConnection _connection;
        private readonly SqliteCommand _command;
        private readonly SqliteParameter _id;
        private readonly SqliteParameter _client;
        private readonly SqliteParameter _sid;

        public Prepared(string connectionString)
        {
            _connection = new SqliteConnection(connectionString);
            _command = _connection.CreateCommand();
            _command.CommandText = Sql;
            _id = _command.Parameters.Add("@id", SqliteType.Text);
            _client = _command.Parameters.Add("@client", SqliteType.Text);
            _sid = _command.Parameters.Add("@sid", SqliteType.Text);
        }

        public AccountState? Read(Guid userId, string clientId, string? sid)
        {
            if (_connection.State != System.Data.ConnectionState.Open) _connection.Open();
            _id.Value = userId;
            _client.Value = clientId;
            _sid.Value = (object?)sid ?? DBNull.Value;
            using var row = _command.ExecuteReader();
            return row.Read() ? AccountReader.Read(userId, row) : null;
        }

        public void Dispose()
        {
            _command.Dispose();
            _connection.Dispose();
        }
    }
}
