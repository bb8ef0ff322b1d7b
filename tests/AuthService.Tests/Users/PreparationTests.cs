using System.Diagnostics;
using AuthService.Sessions;
using AuthService.SigningKeys;
using AuthService.Users;
using KeyEncryption;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using Testing;

namespace AuthService.Tests.Users;

public sealed class PreparationTests(Databases databases)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Eight_replicas_on_an_empty_database_make_one_key_and_one_set_of_users(string kind)
    {
        var connectionString = await databases.CreateAsync(kind);
        (string, string) key = ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey());
        var replicas = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Replica.StartAsync(connectionString, settings: [key]), Cancellation)));

        Assert.All(replicas, replica => Assert.Null(replica.Preparation.NotReadyReason));
        Assert.Single(replicas.Select(replica => replica.Keys.Active.Kid).Distinct());
        // One for each seeded user, and one that each replica keeps for unknown ones.
        Assert.Equal(3 + 8, replicas.Sum(replica => replica.Hasher.Hashes));
        await AssertPreparedAsync(replicas[0]);
        foreach (var replica in replicas) await replica.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task A_shorter_token_life_does_not_shorten_the_revocations_of_tokens_that_are_out(string kind)
    {
        var connectionString = await databases.CreateAsync(kind);
        (string, string) key = ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey());
        await using var replica = await Replica.StartAsync(connectionString, settings: [key]);
        var policies = new List<SessionPolicy>();
        foreach (var minutes in (int[])[60, 5])
        {
            policies.Add(new SessionPolicy("http://issuer.test", TimeSpan.FromSeconds(60), TimeSpan.FromMinutes(minutes), TimeSpan.FromDays(30)));
            await new TokenLifeRecord(replica.Get<IDbContextFactory<UsersDbContext>>(), policies[^1]).PrepareAsync(Cancellation);
        }
        Assert.All(policies, policy => Assert.Equal(60 * 60_000, policy.LongestTokenLifeMs));
    }

    [Fact]
    public async Task Development_without_keys_makes_one_key_file_for_all_replicas()
    {
        var connectionString = await databases.CreateAsync(Databases.Sqlite);
        var replicas = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Replica.StartAsync(connectionString), Cancellation)));
        Assert.Single(replicas.Select(replica => replica.Keys.Active.Kid).Distinct());
        var directory = Path.GetDirectoryName(connectionString["Data Source=".Length..])!;
        var file = Assert.Single(Directory.GetFiles(directory, "*.key*"));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        foreach (var replica in replicas) await replica.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Process_killed_at_any_moment_of_its_start_leaves_nothing_that_blocks_the_next(string kind)
    {
        var key = KeyEncryptionKeyRing.NewKey();
        var prepared = 0;
        var delay = 300;
        do
        {
            var connectionString = await databases.CreateAsync(kind);
            using var service = StartService(connectionString, key);
            await Task.Delay(delay, Cancellation);
            service.Kill();
            await service.WaitForExitAsync(Cancellation);

            await using var next = await Replica.StartAsync(connectionString, settings: ("AuthService:KeyEncryptionKeys:0", key)).WaitAsync(TimeSpan.FromSeconds(20), Cancellation);
            Assert.Null(next.Preparation.NotReadyReason);
            await AssertPreparedAsync(next);
            if (next.Hasher.Hashes == 1) prepared++;
            // Small steps while there is something to interrupt.
            delay += 125;
        }
        while (prepared < 2 && delay < 3000);
    }

    [Fact]
    public async Task Stale_migration_lock_of_EF_does_not_block_the_start()
    {
        var connectionString = await databases.CreateAsync(Databases.Sqlite);
        await using (var connection = new SqliteConnection(connectionString))
        {
            await connection.OpenAsync(Cancellation);
            await using var command = connection.CreateCommand();
            command.CommandText = """
                CREATE TABLE "__EFMigrationsLock" ("Id" INTEGER NOT NULL CONSTRAINT "PK___EFMigrationsLock" PRIMARY KEY, "Timestamp" TEXT NOT NULL);
                INSERT INTO "__EFMigrationsLock" VALUES (1, '2026-01-01');
                """;
            await command.ExecuteNonQueryAsync(Cancellation);
        }
        await using var replica = await Replica.StartAsync(connectionString).WaitAsync(TimeSpan.FromSeconds(20), Cancellation);
        await AssertPreparedAsync(replica);
    }

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Dump_of_the_database_holds_no_private_key(string kind)
    {
        var connectionString = await databases.CreateAsync(kind);
        await using var replica = await Replica.StartAsync(connectionString, settings: ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey()));
        var dump = await databases.DumpAsync(kind, connectionString);
        var pkcs8 = replica.Keys.Active.ExportPkcs8().ToArray();
        using var key = System.Security.Cryptography.ECDsa.Create();
        key.ImportPkcs8PrivateKey(pkcs8, out _);

        Assert.Contains("ke1.", dump, StringComparison.Ordinal);
        Assert.Contains(replica.Keys.Active.Kid, dump, StringComparison.Ordinal);
        foreach (var secret in new[] { pkcs8, key.ExportParameters(true).D! })
        {
            Assert.DoesNotContain(System.Text.Encoding.Latin1.GetString(secret), dump, StringComparison.Ordinal);
            Assert.DoesNotContain(Convert.ToHexString(secret), dump, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(Convert.ToBase64String(secret).TrimEnd('=')[..^2], dump, StringComparison.Ordinal);
            Assert.DoesNotContain(System.Buffers.Text.Base64Url.EncodeToString(secret)[..^2], dump, StringComparison.Ordinal);
        }
        Assert.DoesNotContain("alice-password-1", dump, StringComparison.Ordinal);
        Assert.DoesNotContain("orders-secret-1", dump, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Other_key_encryption_keys_stop_the_start_and_name_the_setting(string kind)
    {
        var connectionString = await databases.CreateAsync(kind);
        await (await Replica.StartAsync(connectionString, settings: ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey()))).DisposeAsync();
        await using var replica = Replica.Create(connectionString, settings: ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey()));
        var exception = await Assert.ThrowsAsync<OptionsValidationException>(() => replica.Preparation.StartAsync(Cancellation));
        Assert.Contains("AuthService:KeyEncryptionKeys", Assert.Single(exception.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Outside_Development_nobody_is_seeded()
    {
        var connectionString = await databases.CreateAsync(Databases.Sqlite);
        await using var replica = await Replica.StartAsync(connectionString, "Production", settings: ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey()));
        await using var database = replica.Open();
        Assert.Empty(await database.Users.ToListAsync(Cancellation));
        Assert.Equal([Client.Api], await database.Clients.Select(client => client.ClientId).ToListAsync(Cancellation));
        Assert.Equal([Role.Admin, Role.User], await database.Roles.Select(role => role.Name).Order().ToListAsync(Cancellation));
    }

    [Fact]
    public async Task Seed_leaves_alone_what_an_operator_changed()
    {
        var connectionString = await databases.CreateAsync(Databases.Sqlite);
        await using (var first = await Replica.StartAsync(connectionString))
        {
            await using var database = first.Open();
            await database.Users.Where(user => user.UserName == "bob").ExecuteUpdateAsync(set => set.SetProperty(user => user.Disabled, true), Cancellation);
            await database.Clients.Where(client => client.ClientId == "demo-spa").ExecuteUpdateAsync(set => set.SetProperty(client => client.Name, "Renamed"), Cancellation);
        }
        await using var second = await Replica.StartAsync(connectionString);
        await using var after = second.Open();
        Assert.True((await after.Users.SingleAsync(user => user.UserName == "bob", Cancellation)).Disabled);
        Assert.Equal("Renamed", (await after.Clients.SingleAsync(client => client.ClientId == "demo-spa", Cancellation)).Name);
    }

    [Fact]
    public async Task Database_away_at_start_keeps_the_service_waiting_and_then_ready()
    {
        Assert.SkipWhen(PostgresFixture.MissingReason is not null, PostgresFixture.MissingReason ?? "");
        await using var postgres = new PostgresFixture();
        await postgres.StartAsync();
        var connectionString = await postgres.CreateDatabaseAsync();
        await postgres.KillAsync();
        await using var replica = await Replica.StartAsync(connectionString, settings: ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey()));
        Assert.NotNull(replica.Preparation.NotReadyReason);
        Assert.Throws<SigningKeysUnavailableException>(() => replica.Keys.Active);

        await postgres.StartAsync();
        await Eventually.TrueAsync(_ => Task.FromResult(replica.Preparation.NotReadyReason is null), TimeSpan.FromSeconds(20), () => replica.Preparation.NotReadyReason ?? "ready", Cancellation);
        await AssertPreparedAsync(replica);
    }

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Migrations_are_those_of_the_model(string kind)
    {
        await using var replica = await Replica.StartAsync(await databases.CreateAsync(kind), settings: ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey()));
        await using var database = replica.Open();
        Assert.NotEmpty(database.Database.GetMigrations());
        Assert.False(database.Database.HasPendingModelChanges());
    }

    private static async Task AssertPreparedAsync(Replica replica)
    {
        await using var database = replica.Open();
        Assert.Equal(["admin", "alice", "bob"], await database.Users.Select(user => user.UserName).Order().ToListAsync(Cancellation));
        Assert.Equal(4, await database.UserRoles.CountAsync(Cancellation));
        Assert.Equal(["api", "demo-spa", "introspector", "orders-service", "sample-backend"], await database.Clients.Select(client => client.ClientId).Order().ToListAsync(Cancellation));
        Assert.Equal(CutOff.All, (await database.CutOffs.SingleAsync(Cancellation)).Id);
        Assert.Equal(SigningKeyState.Active, (await database.SigningKeys.SingleAsync(Cancellation)).State);
    }

    /// <summary>The real program, to be killed. Its Redis is nowhere: the users database does not wait for it.</summary>
    private static Process StartService(string connectionString, string key)
    {
        var start = new ProcessStartInfo("dotnet", [Repository.Program("auth-service", "AuthService")]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_ENVIRONMENT"] = start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        start.Environment["ConnectionStrings__Users"] = connectionString;
        start.Environment["AuthService__KeyEncryptionKeys__0"] = key;
        start.Environment["AuthService__Issuer"] = Replica.Issuer;
        start.Environment["Kestrel__Endpoints__Http__Url"] = start.Environment["Management__Url"] = "http://127.0.0.1:0";
        start.Environment["Redis__ConnectionString"] = "127.0.0.1:1";
        var process = Process.Start(start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
