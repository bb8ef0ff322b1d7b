using AuthService.Audit;
using AuthService.Tests.Users;
using AuthService.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Testing;

namespace AuthService.Tests.Audit;

public sealed class AuditOutboxTests(Databases databases)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Sign_in_refresh_failure_reuse_and_logout_are_in_the_audit_log(string kind)
    {
        await using var service = await RunningService.StartAsync(
            await databases.CreateAsync(kind), $"--AuthService:KeyEncryptionKeys:0={KeyEncryptionKeyRing.NewKey()}", "--AuthService:RefreshGracePeriod=00:00:00");
        Assert.Equal(401, (await SignInAsync(service, "alice", "wrong")).Status);
        Assert.Equal(401, (await SignInAsync(service, "my-password-in-the-wrong-field", "wrong")).Status);
        var (_, first) = await service.SignInAsync("alice", "alice-password-1");
        Assert.Equal(200, await service.RefreshAsync(first));
        Assert.Equal(401, await service.RefreshAsync(first));
        var (access, _) = await service.SignInAsync("alice", "alice-password-1");
        Assert.Equal(200, (await service.SendAsync(HttpMethod.Post, "/api/logout", bearer: access)).Status);

        await using var database = await OpenAsync(service);
        var alice = (await database.Users.SingleAsync(user => user.UserName == "alice", Cancellation)).Id.ToString("D");
        string[] expected =
            [AuditTypes.SessionEnded, AuditTypes.TokenReused, AuditTypes.SessionRefreshed, AuditTypes.SignInFailed, AuditTypes.SignedIn, AuditTypes.SignedIn];
        IReadOnlyList<AuditEvent> events = [];
        await Eventually.TrueAsync(
            async () => (events = await database.AuditEvents.AsNoTracking().Where(e => e.Subject == alice).ToListAsync(Cancellation)).Count == expected.Length,
            "all events of alice are stored", Cancellation);
        Assert.Equal(expected.Order(), events.Select(e => e.Type).Order());
        Assert.All(events, e => Assert.Equal("127.0.0.1", e.Address));
        var refreshed = events.Single(e => e.Type == AuditTypes.SessionRefreshed);
        Assert.Equal((alice, "api", null), (refreshed.Actor, refreshed.ClientId, refreshed.Detail));
        Assert.Equal(32, refreshed.Sid!.Length);
        Assert.All(events.Where(e => e.Type is AuditTypes.SignInFailed or AuditTypes.TokenReused), e => Assert.Null(e.Actor));

        // Nobody's name is not kept: it may be somebody's password.
        var failures = await database.AuditEvents.AsNoTracking().Where(e => e.Type == AuditTypes.SignInFailed).ToListAsync(Cancellation);
        Assert.Equal([alice, null], failures.Select(e => e.Subject).OrderDescending());
        Assert.DoesNotContain(await database.AuditEvents.ToListAsync(Cancellation), e => $"{e.Subject}{e.Detail}".Contains("wrong-field", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Events_wait_in_Redis_and_are_stored_once_by_whichever_replica()
    {
        await using var service = await RunningService.StartAsync(await databases.CreateAsync(Databases.Sqlite));
        var (outbox, store, drain) = (service.Services.GetRequiredService<AuditOutbox>(), service.Services.GetRequiredService<AuditStore>(), service.Services.GetRequiredService<AuditDrain>());
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => outbox.RecordAsync(Record($"subject-{i}"), Cancellation)));
        // As another replica would, and once more: some had been stored already.
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => drain.DrainAsync(AuthService.Revocation.Outbox.Partitions.ToList(), Cancellation)));
        await using var database = await OpenAsync(service);
        Assert.Equal(50, await database.AuditEvents.CountAsync(e => e.Type == AuditTypes.SignInFailed, Cancellation));

        // A process that died between storing and removing: the row is there already.
        const string Row = """{"eid":"the-very-same","at_ms":1,"type":"sign_in.failed","detail":{"a":"ü"}}""";
        await store.InsertAsync([Row], Cancellation);
        await store.InsertAsync([Row, Row.Replace("same", "other", StringComparison.Ordinal)], Cancellation);
        Assert.Equal(2, await database.AuditEvents.CountAsync(e => e.AtMs == 1, Cancellation));
        Assert.Equal(["""{"a":"ü"}"""], await database.AuditEvents.Where(e => e.AtMs == 1).Select(e => e.Detail!).Distinct().ToListAsync(Cancellation));
    }

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Old_events_are_deleted_in_batches_the_oldest_first(string kind)
    {
        await using var replica = await Replica.StartAsync(await databases.CreateAsync(kind), settings: ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey()));
        var store = replica.Get<AuditStore>();
        await store.InsertAsync([.. Enumerable.Range(0, 30).Select(i => $$"""{"eid":"{{i}}","at_ms":{{1000 + (i / 3)}},"type":"{{AuditTypes.SignedIn}}","actor":null}""")], Cancellation);
        Assert.Equal(4, await store.DeleteAsync(1002, 4, Cancellation));
        await using var database = replica.Open();
        Assert.Equal(1001, await database.AuditEvents.MinAsync(e => e.AtMs, Cancellation));
        Assert.Equal(5, await store.DeleteAsync(1002, 100, Cancellation));
        Assert.Equal(0, await store.DeleteAsync(1002, 100, Cancellation));
        Assert.Equal((21, 1003), (await database.AuditEvents.CountAsync(e => e.Type == AuditTypes.SignedIn, Cancellation), await database.AuditEvents.MinAsync(e => e.AtMs, Cancellation)));
    }

    private static AuditRecord Record(string subject) => new(AuditTypes.SignInFailed, Actor: null, subject, ClientId: null, Sid: null);

    private static Task<(int Status, System.Text.Json.JsonElement Body)> SignInAsync(RunningService service, string username, string password) =>
        service.SendAsync(HttpMethod.Post, "/api/token/", new { username, password });

    private static Task<UsersDbContext> OpenAsync(RunningService service) =>
        service.Services.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContextAsync(Cancellation);
}
