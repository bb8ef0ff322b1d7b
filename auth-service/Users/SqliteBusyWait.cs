using System.Data.Common;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace AuthService.Users;

/// <summary>
/// Has SQLite itself wait for its one writer: it looks again after 1, 2, 5 … 100 ms, where its .NET provider, left alone,
/// sleeps 150 ms each time. The longest wait stays that of <c>Default Timeout</c>.
/// </summary>
internal sealed class SqliteBusyWait(TimeSpan longest) : DbConnectionInterceptor
{
    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData) => Set(connection);

    public override Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        Set(connection);
        return Task.CompletedTask;
    }

    private void Set(DbConnection connection) =>
        SQLitePCL.raw.sqlite3_busy_timeout(((SqliteConnection)connection).Handle, (int)longest.TotalMilliseconds);
}
