using System.Text.Json;
using AuthService.SigningKeys;
using AuthService.Tests.Tokens;
using AuthService.Tests.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace AuthService.Tests.SigningKeys;

public sealed class SigningKeyStoreTests(Databases databases)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Other_algorithm_is_announced_before_it_signs_and_the_old_key_stays_published(string kind)
    {
        var connectionString = await databases.CreateAsync(kind);
        var time = new FixedTime(1_790_000_000_000);
        (string, string) wrapping = ("AuthService:KeyEncryptionKeys:0", KeyEncryptionKeyRing.NewKey());
        string old;
        await using (var first = await Replica.StartAsync(connectionString, time: time, settings: wrapping)) old = first.Keys.Active.Kid;

        await using var replica = await Replica.StartAsync(connectionString, time: time, settings: [wrapping, ("AuthService:SigningAlgorithm", "RS256")]);
        var store = replica.Get<SigningKeyStore>();
        Assert.Equal(old, replica.Keys.Active.Kid);
        Assert.Equal(2, replica.Keys.Published.Count);
        Assert.False(await store.IsTransitionDueAsync(Cancellation));

        time.NowMs += (long)SigningKeyStore.AnnounceTime.TotalMilliseconds;
        await StepAsync(store);
        Assert.Equal("RS256", replica.Keys.Active.Algorithm);
        Assert.Equal(2, replica.Keys.Published.Count);
        Assert.False(await store.IsTransitionDueAsync(Cancellation));

        time.NowMs += (long)SigningKeyStore.RetireTime.TotalMilliseconds;
        await StepAsync(store);
        Assert.Equal([replica.Keys.Active.Kid], replica.Keys.Published.Keys);
        await using var database = replica.Open();
        var gone = await database.SigningKeys.SingleAsync(key => key.Kid == old, Cancellation);
        Assert.Equal((SigningKeyState.Gone, ""), (gone.State, gone.SealedPrivateKey));
    }

    [Fact]
    public async Task Database_refuses_a_second_active_key()
    {
        await using var replica = await Replica.StartAsync(await databases.CreateAsync(Databases.Sqlite));
        await using var database = replica.Open();
        database.Add(new SigningKeyRow { Kid = "x", Algorithm = "ES256", State = SigningKeyState.Active, SealedPrivateKey = "" });
        var exception = await Assert.ThrowsAsync<DbUpdateException>(() => database.SaveChangesAsync(Cancellation));
        Assert.True(AuthService.Users.UsersDatabaseFaults.IsDuplicate(exception));
    }

    // Who can write to the database but has no key-encryption key cannot make the service publish a key of his.
    [Fact]
    public async Task Key_that_was_not_sealed_for_its_row_is_not_published()
    {
        var connectionString = await databases.CreateAsync(Databases.Sqlite);
        await using (var replica = await Replica.StartAsync(connectionString))
        {
            await using var database = replica.Open();
            var active = await database.SigningKeys.AsNoTracking().SingleAsync(Cancellation);
            database.Add(new SigningKeyRow { Kid = "mine", Algorithm = "ES256", State = SigningKeyState.Announced, SealedPrivateKey = active.SealedPrivateKey });
            await database.SaveChangesAsync(Cancellation);
            await Assert.ThrowsAsync<KeyEncryptionException>(() => replica.Get<SigningKeyStore>().LoadAsync(Cancellation));
            Assert.Single(replica.Keys.Published);
        }
        await Assert.ThrowsAsync<OptionsValidationException>(() => Replica.StartAsync(connectionString));
    }

    [Fact]
    public async Task Wrapping_key_is_changed_by_putting_a_new_one_in_front()
    {
        var connectionString = await databases.CreateAsync(Databases.Sqlite);
        var (old, fresh) = (KeyEncryptionKeyRing.NewKey(), KeyEncryptionKeyRing.NewKey());
        string kid;
        await using (var first = await Replica.StartAsync(connectionString, settings: ("AuthService:KeyEncryptionKeys:0", old))) kid = first.Keys.Active.Kid;
        await using (var second = await Replica.StartAsync(connectionString, settings: [("AuthService:KeyEncryptionKeys:0", fresh), ("AuthService:KeyEncryptionKeys:1", old)]))
            Assert.Equal(kid, second.Keys.Active.Kid);
        // Start-up sealed it again: the old key may go.
        await using var third = await Replica.StartAsync(connectionString, settings: ("AuthService:KeyEncryptionKeys:0", fresh));
        Assert.Equal(kid, third.Keys.Active.Kid);
    }

    [Fact]
    public async Task Jwks_holds_public_members_only()
    {
        await using var replica = await Replica.StartAsync(await databases.CreateAsync(Databases.Sqlite));
        var key = Assert.Single(JsonDocument.Parse(replica.Keys.Jwks).RootElement.GetProperty("keys").EnumerateArray());
        Assert.Equal(["alg", "crv", "kid", "kty", "use", "x", "y"], key.EnumerateObject().Select(member => member.Name).Order());
        Assert.Equal(replica.Keys.Active.Kid, key.GetProperty("kid").GetString());
    }

    private static async Task StepAsync(SigningKeyStore store)
    {
        Assert.True(await store.IsTransitionDueAsync(Cancellation));
        await store.TransitionAsync(Cancellation);
        await store.LoadAsync(Cancellation);
    }
}
