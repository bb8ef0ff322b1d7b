using AuthService.Users;
using KeyEncryption;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Tests.Users;

public sealed class AccountReaderTests(Databases databases)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Account_is_read_with_roles_cut_offs_client_and_session(string kind)
    {
        await using var replica = await StartAsync(kind);
        var reader = replica.Get<AccountReader>();
        var admin = await UserAsync(replica, "admin");
        var sid = "0123456789abcdef0123456789abcdef";

        var state = await reader.ReadAsync(admin.Id, "demo-spa", sid, Cancellation);
        Assert.NotNull(state);
        Assert.Equal((admin.Id, "admin", "admin", false, 0L, 0L, false, false),
            (state.Id, state.UserName, state.Name, state.Disabled, state.SessionEpoch, state.NotBeforeMs, state.SessionEnded, state.ClientDisabled));
        Assert.Equal(["admin", "user"], state.Roles);

        await using (var database = replica.Open())
        {
            await database.Users.Where(u => u.Id == admin.Id).ExecuteUpdateAsync(
                set => set.SetProperty(u => u.DisplayName, "Ädmin").SetProperty(u => u.Disabled, true).SetProperty(u => u.SessionEpoch, 7), Cancellation);
            await database.UserRoles.Where(role => role.UserId == admin.Id).ExecuteDeleteAsync(Cancellation);
            database.Add(new EndedSession { Sid = sid, Sub = admin.Id.ToString(), ClientId = "demo-spa", Reason = "logout", EndedAtMs = 1, ExpiresMs = long.MaxValue });
            await database.SaveChangesAsync(Cancellation);
        }
        state = (await reader.ReadAsync(admin.Id, "demo-spa", sid, Cancellation))!;
        Assert.Equal(("Ädmin", true, 7L, true), (state.Name, state.Disabled, state.SessionEpoch, state.SessionEnded));
        Assert.Empty(state.Roles);
        Assert.False((await reader.ReadAsync(admin.Id, "demo-spa", "another", Cancellation))!.SessionEnded);
        Assert.False((await reader.ReadAsync(admin.Id, "demo-spa", null, Cancellation))!.SessionEnded);
    }

    // The latest of the three wins, whichever it is.
    [Theory]
    [InlineData(3, 2, 1, 3)]
    [InlineData(1, 3, 2, 3)]
    [InlineData(1, 2, 3, 3)]
    [InlineData(0, 0, 5, 5)]
    public async Task Cut_off_is_the_latest_of_user_client_and_all(long user, long client, long all, long expected)
    {
        await using var replica = await StartAsync(Databases.Sqlite);
        var alice = await UserAsync(replica, "alice");
        await using (var database = replica.Open())
        {
            await database.Users.Where(u => u.Id == alice.Id).ExecuteUpdateAsync(set => set.SetProperty(u => u.NotBeforeMs, user), Cancellation);
            await database.Clients.Where(c => c.ClientId == Client.Api).ExecuteUpdateAsync(set => set.SetProperty(c => c.NotBeforeMs, client), Cancellation);
            await database.CutOffs.ExecuteUpdateAsync(set => set.SetProperty(c => c.NotBeforeMs, all), Cancellation);
        }
        Assert.Equal(expected, (await replica.Get<AccountReader>().ReadAsync(alice.Id, Client.Api, null, Cancellation))!.NotBeforeMs);
    }

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Unknown_user_is_null_and_a_client_that_is_disabled_or_unknown_is_disabled(string kind)
    {
        await using var replica = await StartAsync(kind);
        var reader = replica.Get<AccountReader>();
        var alice = await UserAsync(replica, "alice");
        Assert.Null(await reader.ReadAsync(Guid.NewGuid(), Client.Api, null, Cancellation));
        Assert.True((await reader.ReadAsync(alice.Id, "no-such-client", null, Cancellation))!.ClientDisabled);
        await using (var database = replica.Open())
            await database.Clients.Where(c => c.ClientId == "demo-spa").ExecuteUpdateAsync(set => set.SetProperty(c => c.Disabled, true), Cancellation);
        Assert.True((await reader.ReadAsync(alice.Id, "demo-spa", null, Cancellation))!.ClientDisabled);
        Assert.False((await reader.ReadAsync(alice.Id, Client.Api, null, Cancellation))!.ClientDisabled);
    }

    [Fact]
    public async Task Query_reaches_every_table_by_an_index()
    {
        await using var replica = await StartAsync(Databases.Sqlite);
        await using var connection = new SqliteConnection(replica.Get<UsersDatabaseOptions>().Sqlite!.ConnectionString);
        await connection.OpenAsync(Cancellation);
        await using var command = connection.CreateCommand();
        command.CommandText = "EXPLAIN QUERY PLAN " + SqliteAccountQuery.Sql;
        foreach (var parameter in new[] { "@id", "@client", "@sid" }) command.Parameters.AddWithValue(parameter, "");
        var plan = new List<string>();
        await using var rows = await command.ExecuteReaderAsync(Cancellation);
        while (await rows.ReadAsync(Cancellation)) plan.Add(rows.GetString(3));
        Assert.Equal(10, plan.Count(step => step.StartsWith("SEARCH", StringComparison.Ordinal)));
        Assert.DoesNotContain(plan, step => step.StartsWith("SCAN", StringComparison.Ordinal) && !step.Contains("CONSTANT", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Database_whose_file_is_gone_is_away_not_empty()
    {
        var connectionString = await databases.CreateAsync(Databases.Sqlite);
        await using var replica = await Replica.StartAsync(connectionString);
        SqliteConnection.ClearAllPools();
        File.Delete(connectionString["Data Source=".Length..]);
        var exception = await Assert.ThrowsAnyAsync<Exception>(() => replica.Get<AccountReader>().ReadAsync(Guid.NewGuid(), Client.Api, null, Cancellation));
        Assert.True(UsersDatabaseFaults.IsAway(exception), exception.ToString());
        exception = await Assert.ThrowsAnyAsync<Exception>(() => replica.Get<PasswordCheck>().CheckAsync("alice", "alice-password-1", Client.Api, Cancellation));
        Assert.True(UsersDatabaseFaults.IsAway(exception), exception.ToString());
    }

    [Fact]
    public async Task Server_that_dies_is_away_and_serves_again_when_it_is_back()
    {
        Assert.SkipWhen(Testing.PostgresFixture.MissingReason is not null, Testing.PostgresFixture.MissingReason ?? "");
        await using var postgres = new Testing.PostgresFixture();
        await postgres.StartAsync();
        await using var replica = await Replica.StartAsync(await postgres.CreateDatabaseAsync(), settings: ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey()));
        var alice = await UserAsync(replica, "alice");
        var reader = replica.Get<AccountReader>();
        Assert.NotNull(await reader.ReadAsync(alice.Id, Client.Api, null, Cancellation));

        await postgres.KillAsync();
        for (var i = 0; i < 3; i++)
        {
            var exception = await Assert.ThrowsAnyAsync<Exception>(() => reader.ReadAsync(alice.Id, Client.Api, null, Cancellation));
            Assert.True(UsersDatabaseFaults.IsAway(exception), exception.ToString());
            exception = await Assert.ThrowsAnyAsync<Exception>(() => replica.Get<PasswordCheck>().CheckAsync("alice", "x", Client.Api, Cancellation));
            Assert.True(UsersDatabaseFaults.IsAway(exception), exception.ToString());
        }

        await postgres.StartAsync();
        Assert.NotNull(await reader.ReadAsync(alice.Id, Client.Api, null, Cancellation));
    }

    private async Task<Replica> StartAsync(string kind) =>
        await Replica.StartAsync(await databases.CreateAsync(kind), settings: ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey()));

    private static async Task<User> UserAsync(Replica replica, string name)
    {
        await using var database = replica.Open();
        return await database.Users.AsNoTracking().SingleAsync(user => user.UserName == name, Cancellation);
    }
}
