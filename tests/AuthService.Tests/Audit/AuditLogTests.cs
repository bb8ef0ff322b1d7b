using AuthService.Audit;
using AuthService.Tests.Users;
using AuthService.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Testing;

namespace AuthService.Tests.Audit;

public sealed class AuditLogTests(Databases databases)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Event_is_logged_when_its_transaction_has_committed_and_not_before(string kind)
    {
        var logs = new RecordedLogs();
        await using var replica = await StartAsync(kind, logs);
        await using var database = replica.Open();
        await using (var transaction = await database.Database.BeginTransactionAsync(Cancellation))
        {
            Stage(replica, database, "first");
            Stage(replica, database, "second");
            await database.SaveChangesAsync(Cancellation);
            Assert.Empty(Subjects(logs));
            await transaction.CommitAsync(Cancellation);
        }
        Assert.Equal(["first", "second"], Subjects(logs));

        Stage(replica, database, "third");
        Stage(replica, database, "fourth");
        await database.SaveChangesAsync(Cancellation);
        Assert.Equal(["first", "fourth", "second", "third"], Subjects(logs).Order());
        Assert.Equal(4, await database.AuditEvents.CountAsync(audit => audit.Type == AuditTypes.UserUpdated, Cancellation));
    }

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Event_of_a_change_that_did_not_commit_is_never_logged(string kind)
    {
        var logs = new RecordedLogs();
        await using var replica = await StartAsync(kind, logs);
        // The same pooled context each time.
        await using (var database = replica.Open())
        {
            await using var transaction = await database.Database.BeginTransactionAsync(Cancellation);
            Stage(replica, database, "rolled back");
            await database.SaveChangesAsync(Cancellation);
        }
        await using (var database = replica.Open())
        {
            var alice = await database.Users.SingleAsync(user => user.UserName == "alice", Cancellation);
            await using (var other = replica.Open())
                await other.Users.Where(user => user.Id == alice.Id).ExecuteUpdateAsync(set => set.SetProperty(user => user.ConcurrencyStamp, "x"), Cancellation);
            alice.Disabled = true;
            Stage(replica, database, "lost a race");
            await Assert.ThrowsAsync<DbUpdateConcurrencyException>(() => database.SaveChangesAsync(Cancellation));
        }
        await using (var database = replica.Open())
        {
            await using var transaction = await database.Database.BeginTransactionAsync(Cancellation);
            Stage(replica, database, "stands");
            await database.SaveChangesAsync(Cancellation);
            await transaction.CommitAsync(Cancellation);
        }
        Assert.Equal(["stands"], Subjects(logs));
    }

    [Fact]
    public async Task Type_outside_the_closed_list_is_refused()
    {
        Assert.True(AuditTypes.All.Count > 30);
        await using var replica = await StartAsync(Databases.Sqlite, new RecordedLogs());
        await using var database = replica.Open();
        Assert.Throws<ArgumentException>(() => replica.Get<AuditLog>().Stage(database, new AuditRecord("user.vanished", null, null, null, null)));
    }

    private static void Stage(Replica replica, UsersDbContext database, string subject) =>
        replica.Get<AuditLog>().Stage(database, new AuditRecord(AuditTypes.UserUpdated, Actor: null, subject, ClientId: null, Sid: null));

    private static IEnumerable<string> Subjects(RecordedLogs logs) =>
        logs.Entries.Where(entry => entry.EventId == 2800 && entry.Text.StartsWith(AuditTypes.UserUpdated, StringComparison.Ordinal)).Select(entry => entry.Text.Split(' ')[4].TrimEnd(','));

    private async Task<Replica> StartAsync(string kind, RecordedLogs logs) => await Replica.StartAsync(
        await databases.CreateAsync(kind), adjust: services => services.AddLogging(logging => logging.AddProvider(logs)),
        settings: ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey()));
}
