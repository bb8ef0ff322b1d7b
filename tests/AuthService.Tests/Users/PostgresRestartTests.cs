using System.Collections.Concurrent;
using AuthService.Sessions;
using AuthService.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Testing;

namespace AuthService.Tests.Users;

public sealed class PostgresRestartTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sign_ins_while_PostgreSQL_restarts_are_answered_503_and_leave_no_session_behind()
    {
        Assert.SkipWhen(PostgresFixture.MissingReason is not null, PostgresFixture.MissingReason ?? "");
        await using var postgres = new PostgresFixture();
        await postgres.StartAsync();
        await using var service = await RunningService.StartAsync(
            await postgres.CreateDatabaseAsync(), $"--AuthService:KeyEncryptionKeys:0={KeyEncryptionKeyRing.NewKey()}",
            "--AuthService:SignInLimit:HashesWaiting=1000", "--AuthService:SignInLimit:FailuresPerAddressAndAccount=0");
        var alice = await UserIdAsync(service);
        await service.SignInAsync("alice", "alice-password-1");

        var statuses = new ConcurrentBag<int>();
        using var stop = new CancellationTokenSource();
        var signIns = Enumerable.Range(0, 50).Select(async _ =>
        {
            do
            {
                statuses.Add((await service.SendAsync(HttpMethod.Post, "/api/token/", new { username = "alice", password = "alice-password-1" })).Status);
            }
            while (!stop.IsCancellationRequested);
        }).ToList();
        await Eventually.TrueAsync(() => statuses.Contains(200), "sign-ins are answered", Cancellation);
        await postgres.KillAsync();
        await Eventually.TrueAsync(() => statuses.Contains(503), "sign-ins are refused while the database is away", Cancellation);
        await postgres.StartAsync();
        var before = statuses.Count(status => status == 200);
        await Eventually.TrueAsync(() => statuses.Count(status => status == 200) > before, "sign-ins are answered again by themselves", Cancellation);
        await stop.CancelAsync();
        await Task.WhenAll(signIns);

        Assert.All(statuses, status => Assert.True(status is 200 or 503, $"{status}"));
        // A session for each sign-in that was answered with tokens, the first included, and no other.
        var sessions = await service.Services.GetRequiredService<SessionStore>().ListOldestAsync(alice, sessionEpoch: 0, allowed: 0, Cancellation);
        Assert.Equal(1 + statuses.Count(status => status == 200), sessions.Count());
    }

    [Fact]
    public async Task PostgreSQL_that_takes_no_writes_is_away_and_stops_nothing()
    {
        Assert.SkipWhen(PostgresFixture.MissingReason is not null, PostgresFixture.MissingReason ?? "");
        await using var postgres = new PostgresFixture();
        await postgres.StartAsync();
        await using var service = await RunningService.StartAsync(await postgres.CreateDatabaseAsync(), $"--AuthService:KeyEncryptionKeys:0={KeyEncryptionKeyRing.NewKey()}");
        var alice = await service.SignInAsync("alice", "alice-password-1");
        var life = service.Services.GetRequiredService<IHostApplicationLifetime>();

        // As a primary that became a standby, or a server whose disk is full.
        await SetReadOnlyAsync(service, true);
        (int Status, string? Code) refused = default;
        await Eventually.TrueAsync(async () => (refused = await RegisterAsync()).Status != 201, "no user registers", Cancellation);
        Assert.Equal((503, "users_unavailable"), refused);
        var (status, logout) = await service.SendAsync(HttpMethod.Post, "/api/logout", bearer: alice.Access);
        Assert.Equal((200, false), (status, logout.GetProperty("durable").GetBoolean()));
        // What has to be written stays to be written: the workers try in vain, and go on.
        await Task.Delay(TimeSpan.FromSeconds(1), Cancellation);
        Assert.False(life.ApplicationStopping.IsCancellationRequested);

        await SetReadOnlyAsync(service, false);
        await Eventually.TrueAsync(async () => (await RegisterAsync()).Status == 201, "users register again", Cancellation);
        await Eventually.TrueAsync(
            async () =>
            {
                await using var database = await service.Services.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContextAsync(Cancellation);
                return await database.Revocations.AnyAsync(row => row.PublishedAtMs > 0, Cancellation);
            },
            "the database has the logout",
            Cancellation);
        Assert.False(life.ApplicationStopping.IsCancellationRequested);

        async Task<(int Status, string? Code)> RegisterAsync()
        {
            var (status, body) = await service.SendAsync(HttpMethod.Post, "/api/users", new { username = $"u{Guid.NewGuid():N}", password = "a long password 1" });
            return (status, body.TryGetProperty("code", out var code) ? code.GetString() : null);
        }
    }

    private static async Task SetReadOnlyAsync(RunningService service, bool readOnly)
    {
        await using var database = await service.Services.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContextAsync(Cancellation);
        await database.Database.ExecuteSqlRawAsync(
            readOnly ? "ALTER SYSTEM SET default_transaction_read_only = on" : "ALTER SYSTEM RESET default_transaction_read_only", Cancellation);
        await database.Database.ExecuteSqlRawAsync("SELECT pg_reload_conf()", Cancellation);
    }

    private static async Task<Guid> UserIdAsync(RunningService service)
    {
        await using var database = await service.Services.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContextAsync(Cancellation);
        return (await database.Users.SingleAsync(user => user.UserName == "alice", Cancellation)).Id;
    }
}
