using System.Buffers.Text;
using System.Text.Json;
using AuthService.SignIn;
using AuthService.Tests.Users;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Testing;

namespace AuthService.Tests.SignIn;

/// <summary>What a browser's sign-in is tied to: the sessions started from it, and the next sign-in of the same browser.</summary>
public sealed class BrowserSignInsTests(Databases databases)
{
    private static readonly long Far = TimeProvider.System.GetUtcNow().AddDays(30).ToUnixTimeMilliseconds();

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task End_of_a_sign_in_ends_every_session_that_was_started_from_it(string kind)
    {
        await using var service = await StartAsync(kind);
        var (first, second, other) = (await service.SignInAsync("alice", "alice-password-1"), await service.SignInAsync("alice", "alice-password-1"),
            await service.SignInAsync("alice", "alice-password-1"));
        var signIn = await BeginAsync(service, "a");
        Assert.True(await LinkAsync(service, signIn, first.Access));
        Assert.True(await LinkAsync(service, signIn, second.Access));

        var receipt = await Store(service).EndAsync(signIn.SignInId, signIn.UserId.ToString("D"), TestContext.Current.CancellationToken);

        Assert.Equal(2, receipt.Revoked);
        foreach (var ended in new[] { first, second })
        {
            Assert.Equal(401, await service.RefreshAsync(ended.Refresh));
            Assert.Equal(401, (await service.SendAsync(HttpMethod.Get, "/api/users/me", bearer: ended.Access)).Status);
        }
        Assert.Equal(200, await service.RefreshAsync(other.Refresh));
        Assert.Null(await Store(service).ReadAsync(signIn.SignInId, TestContext.Current.CancellationToken));
        await using var database = Open(service);
        var events = await database.AuditEvents.Where(e => e.Type == "session.ended" || e.Type == "browser.signed_out")
            .OrderBy(e => e.Id).Select(e => e.Type).ToListAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["browser.signed_out", "session.ended", "session.ended"], events.Order());
        Assert.Empty(await database.BrowserSignInSessions.ToListAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task End_again_and_link_afterwards_do_nothing()
    {
        await using var service = await StartAsync(Databases.Sqlite);
        var session = await service.SignInAsync("alice", "alice-password-1");
        var signIn = await BeginAsync(service, "a");
        await Store(service).EndAsync(signIn.SignInId, actor: null, TestContext.Current.CancellationToken);

        Assert.Equal(0, (await Store(service).EndAsync(signIn.SignInId, actor: null, TestContext.Current.CancellationToken)).Revoked);
        Assert.False(await LinkAsync(service, signIn, session.Access));
        Assert.Equal(200, await service.RefreshAsync(session.Refresh));
    }

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Session_linked_while_the_sign_in_ends_is_ended_or_refused(string kind)
    {
        await using var service = await StartAsync(kind);
        for (var i = 0; i < 5; i++)
        {
            var session = await service.SignInAsync("bob", "bob-password-1");
            var signIn = await BeginAsync(service, $"{i}", "bob");
            var link = LinkAsync(service, signIn, session.Access);
            var end = Store(service).EndAsync(signIn.SignInId, actor: null, TestContext.Current.CancellationToken);
            var (linked, receipt) = (await link, await end);
            Assert.Equal(linked ? 1 : 0, receipt.Revoked);
            Assert.Equal(linked ? 401 : 200, await service.RefreshAsync(session.Refresh));
        }
    }

    [Fact]
    public async Task Session_that_had_ended_already_is_not_ended_twice()
    {
        await using var service = await StartAsync(Databases.Sqlite);
        var session = await service.SignInAsync("alice", "alice-password-1");
        var signIn = await BeginAsync(service, "a");
        await LinkAsync(service, signIn, session.Access);
        Assert.Equal(200, (await service.SendAsync(HttpMethod.Post, "/api/logout", bearer: session.Access)).Status);

        Assert.Equal(0, (await Store(service).EndAsync(signIn.SignInId, actor: null, TestContext.Current.CancellationToken)).Revoked);
    }

    [Fact]
    public async Task Next_sign_in_of_the_same_person_takes_the_sessions_over_and_that_of_another_ends_them()
    {
        await using var service = await StartAsync(Databases.Sqlite);
        var session = await service.SignInAsync("alice", "alice-password-1");
        var first = await BeginAsync(service, "a");
        await LinkAsync(service, first, session.Access);

        var again = await BeginAsync(service, "b", replaces: first.SignInId);
        Assert.Null(await Store(service).ReadAsync(first.SignInId, TestContext.Current.CancellationToken));
        Assert.Equal(200, await service.RefreshAsync(session.Refresh));

        await BeginAsync(service, "c", "bob", replaces: again.SignInId);
        Assert.Null(await Store(service).ReadAsync(again.SignInId, TestContext.Current.CancellationToken));
        Assert.Equal(401, await service.RefreshAsync(session.Refresh));
    }

    [Fact]
    public async Task Session_linked_while_the_sign_in_is_replaced_belongs_to_the_next_one()
    {
        await using var service = await StartAsync(Databases.PostgreSql); // SQLite has one writer at a time
        var session = await service.SignInAsync("alice", "alice-password-1");
        var first = await BeginAsync(service, "a");

        // What LinkSessionAsync does, on its way when the next sign-in comes.
        await using var database = Open(service);
        await using var linking = await database.Database.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await database.Database.ExecuteSqlAsync($"SELECT id FROM browser_sign_ins WHERE id = {first.SignInId} FOR UPDATE", TestContext.Current.CancellationToken);
        await database.Database.ExecuteSqlAsync(
            $"INSERT INTO browser_sign_in_sessions (sign_in_id, sid, expires_ms) VALUES ({first.SignInId}, {SessionOf(session.Access)}, {Far})", TestContext.Current.CancellationToken);
        var replacing = BeginAsync(service, "b", replaces: first.SignInId);
        await using var watching = Open(service);
        await Eventually.TrueAsync(
            async () => await watching.Database.SqlQuery<int>($"SELECT count(*)::int AS \"Value\" FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").SingleAsync(TestContext.Current.CancellationToken) > 0,
            "the next sign-in waits for the link");
        await linking.CommitAsync(TestContext.Current.CancellationToken);
        var next = await replacing;

        Assert.Equal(1, (await Store(service).EndAsync(next.SignInId, actor: null, TestContext.Current.CancellationToken)).Revoked);
        Assert.Equal(401, await service.RefreshAsync(session.Refresh));
    }

    [Fact]
    public async Task Sign_in_ends_with_the_epoch_of_its_user()
    {
        await using var service = await StartAsync(Databases.Sqlite);
        var session = await service.SignInAsync("alice", "alice-password-1");
        var signIn = await BeginAsync(service, "a");
        Assert.NotNull(await Store(service).ReadAsync(signIn.SignInId, TestContext.Current.CancellationToken));
        Assert.Equal(200, (await service.SendAsync(HttpMethod.Delete, "/api/sessions", bearer: session.Access)).Status);
        Assert.Null(await Store(service).ReadAsync(signIn.SignInId, TestContext.Current.CancellationToken));
    }

    private async Task<RunningService> StartAsync(string kind) => await RunningService.StartAsync(
        await databases.CreateAsync(kind), "--AuthService:KeyEncryptionKeys:0=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");

    private static BrowserSignIns Store(RunningService service) => service.Services.GetRequiredService<BrowserSignIns>();

    private static UsersDbContext Open(RunningService service) => service.Services.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContext();

    private static async Task<BrowserSignIn> BeginAsync(RunningService service, string id, string userName = "alice", string? replaces = null)
    {
        await using var database = Open(service);
        var userId = await database.Users.Where(user => user.UserName == userName).Select(user => user.Id).SingleAsync(TestContext.Current.CancellationToken);
        var account = await service.Services.GetRequiredService<AccountReader>().ReadAsync(userId, Client.Api, sid: null, TestContext.Current.CancellationToken);
        return await Store(service).StartAsync(id, account!, 1, ["pwd"], replaces, TestContext.Current.CancellationToken);
    }

    private static Task<bool> LinkAsync(RunningService service, BrowserSignIn signIn, string access) =>
        Store(service).LinkSessionAsync(signIn.SignInId, SessionOf(access), Far, TestContext.Current.CancellationToken);

    private static string SessionOf(string access)
    {
        using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(access.Split('.')[1]));
        return claims.RootElement.GetProperty("sid").GetString()!;
    }
}
