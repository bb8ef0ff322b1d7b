using AuthService.Audit;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Design;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Npgsql;

namespace AuthService.Users;

/// <summary>Pooled contexts of the configured provider.</summary>
internal sealed class UsersDbContextFactory : IDbContextFactory<UsersDbContext>
{
    private readonly Func<UsersDbContext> _create;

    public UsersDbContextFactory(UsersDatabaseOptions options, CommittedAuditEvents audit, ILoggerFactory logging, IServiceProvider services)
    {
        if (options.Sqlite is { } sqlite)
        {
            var pool = new PooledDbContextFactory<SqliteUsersDbContext>(Configure(new DbContextOptionsBuilder<SqliteUsersDbContext>(), audit, logging).UseSqlite(sqlite.ConnectionString)
                .AddInterceptors(new SqliteBusyWait(TimeSpan.FromSeconds(sqlite.DefaultTimeout))).Options);
            _create = pool.CreateDbContext;
        }
        else
        {
            var pool = new PooledDbContextFactory<PostgreSqlUsersDbContext>(
                Configure(new DbContextOptionsBuilder<PostgreSqlUsersDbContext>(), audit, logging).UseNpgsql(services.GetRequiredService<NpgsqlDataSource>()).Options);
            _create = pool.CreateDbContext;
        }
    }

    public UsersDbContext CreateDbContext() => _create();

    private static DbContextOptionsBuilder<T> Configure<T>(DbContextOptionsBuilder<T> builder, CommittedAuditEvents audit, ILoggerFactory logging)
        where T : DbContext => builder.UseLoggerFactory(logging).AddInterceptors(audit.Interceptors);
}

/// <summary>Lets <c>dotnet ef migrations add NAME --context SqliteUsersDbContext -o Users/Migrations/Sqlite</c> work without a
/// configuration.</summary>
internal sealed class SqliteDesignTime : IDesignTimeDbContextFactory<SqliteUsersDbContext>
{
    public SqliteUsersDbContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<SqliteUsersDbContext>().UseSqlite("Data Source=design-time.db").Options);
}

/// <summary>The same for <c>--context PostgreSqlUsersDbContext -o Users/Migrations/PostgreSql</c>.</summary>
internal sealed class PostgreSqlDesignTime : IDesignTimeDbContextFactory<PostgreSqlUsersDbContext>
{
    public PostgreSqlUsersDbContext CreateDbContext(string[] args) =>
        new(new DbContextOptionsBuilder<PostgreSqlUsersDbContext>().UseNpgsql("Host=design-time").Options);
}
