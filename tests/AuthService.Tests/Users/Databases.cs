using System.Text;
using AuthService.Tests.Users;
using Testing;

[assembly: AssemblyFixture(typeof(Databases))]

namespace AuthService.Tests.Users;

/// <summary>Empty users databases of both kinds, real ones.</summary>
public sealed class Databases : IAsyncDisposable
{
    public const string Sqlite = "SQLite";
    public const string PostgreSql = "PostgreSQL";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("users-");
    private readonly Lazy<Task<PostgresFixture>> _postgres = new(async () =>
    {
        var postgres = new PostgresFixture();
        await postgres.StartAsync();
        return postgres;
    });

    private readonly Dictionary<string, Lazy<Task<RunningService>>> _shared;

    public Databases() => _shared = Kinds.ToDictionary(kind => kind.Data, kind => new Lazy<Task<RunningService>>(async () =>
        await RunningService.StartAsync(await CreateAsync(kind.Data), $"--AuthService:KeyEncryptionKeys:0={KeyEncryption.KeyEncryptionKeyRing.NewKey()}")));

    public static TheoryData<string> Kinds => [Sqlite, PostgreSql];

    public async Task<string> CreateAsync(string kind)
    {
        if (kind == Sqlite) return $"Data Source={Path.Combine(_directory.CreateSubdirectory(Guid.NewGuid().ToString("N")).FullName, "users.db")}";
        Assert.SkipWhen(PostgresFixture.MissingReason is not null, PostgresFixture.MissingReason ?? "");
        return await (await _postgres.Value).CreateDatabaseAsync();
    }

    /// <summary>One running service for tests that leave no trace in it.</summary>
    internal Task<RunningService> SharedServiceAsync(string kind = Sqlite) => _shared[kind].Value;

    /// <summary>Everything a thief of the database has.</summary>
    public async Task<string> DumpAsync(string kind, string connectionString)
    {
        if (kind == PostgreSql) return await (await _postgres.Value).DumpAsync(connectionString);
        var path = connectionString["Data Source=".Length..];
        var dump = new StringBuilder();
        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(path)!, Path.GetFileName(path) + "*").Where(file => !file.EndsWith(".key", StringComparison.Ordinal)))
        {
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(stream, Encoding.Latin1);
            dump.Append(await reader.ReadToEndAsync());
        }
        return dump.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var shared in _shared.Values.Where(shared => shared.IsValueCreated && shared.Value.IsCompletedSuccessfully)) await (await shared.Value).DisposeAsync();
        if (_postgres.IsValueCreated) await (await _postgres.Value).DisposeAsync();
        _directory.Delete(recursive: true);
    }
}
