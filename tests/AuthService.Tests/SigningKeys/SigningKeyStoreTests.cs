using System.Text.Json;
using AuthService.SigningKeys;
using AuthService.Tests.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace AuthService.Tests.SigningKeys;

public sealed class SigningKeyStoreTests(Databases databases)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

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
}
