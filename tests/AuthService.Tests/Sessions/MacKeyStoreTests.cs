using AuthService.Sessions;
using AuthService.Tests.Tokens;
using AuthService.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace AuthService.Tests.Sessions;

public sealed class MacKeyStoreTests : IAsyncLifetime
{
    private readonly RunningService _service = new();
    private readonly ManualTime _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => _service.InitializeAsync();

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    [Fact]
    public async Task First_key_is_made_once_though_replicas_start_together()
    {
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(_service.StartReplicaAsync)));

        await _service.InDatabaseAsync(async database => Assert.Equal("1", (await database.RefreshTokenKeys.SingleAsync(Cancellation)).Id));
    }

    [Fact]
    public async Task Key_lies_sealed_in_the_database()
    {
        var session = await _service.SignInAsync();
        RefreshTokenKey? row = null;
        await _service.InDatabaseAsync(async database => row = await database.RefreshTokenKeys.AsNoTracking().SingleAsync(Cancellation));
        var secret = _service.Services.GetRequiredService<KeyEncryptionKeyRing>().Open(MacKeyStore.Purpose, row!.Id, row.SealedKey);

        Assert.Equal(RefreshTokenReading.Genuine, RefreshTokenCodec.Read(session.Refresh, SetOf(new MacKey(1, secret)), out _));
        Assert.DoesNotContain(Convert.ToBase64String(secret)[..20], row.SealedKey, StringComparison.Ordinal);
        Assert.StartsWith("ke1.", row.SealedKey, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rotation_announces_the_next_key_then_uses_it_and_keeps_the_old_one_for_a_session_life()
    {
        var store = Replica();
        await store.PrepareAsync(Cancellation);
        Assert.False(await store.IsRotationDueAsync(Cancellation));
        var old = RefreshTokenCodec.Write(Token, store.Current.Signing);

        _time.Pass(MacKeyStore.RotationInterval + TimeSpan.FromMinutes(1));
        Assert.True(await store.IsRotationDueAsync(Cancellation));
        await store.RotateIfDueAsync(Cancellation);
        Assert.False(await store.IsRotationDueAsync(Cancellation));
        Assert.Equal((2, 1u), (store.Current.Count, store.Current.Signing.Id));

        _time.Pass(MacKeyStore.AnnounceTime);
        await store.TryLoadAsync(Cancellation);
        Assert.Equal(2u, store.Current.Signing.Id);
        Assert.Equal(RefreshTokenReading.Genuine, RefreshTokenCodec.Read(old, store.Current, out _));

        _time.Pass(TimeSpan.FromDays(30) - TimeSpan.FromMinutes(1));
        await store.TryLoadAsync(Cancellation);
        Assert.Equal(RefreshTokenReading.Genuine, RefreshTokenCodec.Read(old, store.Current, out _));

        _time.Pass(TimeSpan.FromMinutes(2));
        Assert.True(await store.IsRotationDueAsync(Cancellation));
        await store.RotateIfDueAsync(Cancellation);
        await store.TryLoadAsync(Cancellation);
        Assert.Equal(RefreshTokenReading.UnknownKey, RefreshTokenCodec.Read(old, store.Current, out _));
        Assert.Equal(1, store.Current.Count);
    }

    [Fact]
    public async Task Token_under_a_key_that_is_new_here_is_read_and_forged_key_ids_do_not_make_the_database_work()
    {
        var (one, other) = (Replica(), Replica());
        await one.PrepareAsync(Cancellation);
        await other.PrepareAsync(Cancellation);
        var tokens = new RefreshTokens(other);
        await one.RotateAsync(Cancellation);
        var text = RefreshTokenCodec.Write(Token, one.Current.Find(2)!);

        Assert.Equal(Token, await tokens.ReadAsync(text));

        // The look just made was the last for a while, whatever anybody presents.
        _service.Database.Away = true;
        var before = _service.Database.Uses;
        for (uint id = 3; id < 1000; id++)
            Assert.Null(await tokens.ReadAsync(RefreshTokenCodec.Write(Token, new MacKey(id, new byte[MacKey.SecretLength]))));
        var uses = _service.Database.Uses;
        // The service's own background work goes on meanwhile.
        Assert.True(uses - before < 200, $"{uses - before} uses");
        _time.Pass(TimeSpan.FromSeconds(6));
        Assert.Null(await tokens.ReadAsync(RefreshTokenCodec.Write(Token, new MacKey(3, new byte[MacKey.SecretLength]))));
        Assert.True(_service.Database.Uses > uses);
        Assert.Equal(Token, await tokens.ReadAsync(text));
    }

    [Fact]
    public async Task Rotation_that_is_due_is_done_by_one_replica()
    {
        var replicas = Enumerable.Range(0, 4).Select(_ => Replica()).ToList();
        foreach (var replica in replicas) await replica.PrepareAsync(Cancellation);
        _time.Pass(MacKeyStore.RotationInterval + TimeSpan.FromMinutes(1));
        foreach (var replica in replicas) Assert.True(await replica.IsRotationDueAsync(Cancellation));

        var database = _service.Services.GetRequiredService<UsersDatabaseOptions>();
        await Task.WhenAll(replicas.Select(replica => Task.Run(async () =>
        {
            await using var alone = await StartupLock.AcquireAsync(database, TimeProvider.System, Cancellation);
            await replica.RotateIfDueAsync(Cancellation);
        })));

        await _service.InDatabaseAsync(async rows => Assert.Equal(2, await rows.RefreshTokenKeys.CountAsync(Cancellation)));
        _time.Pass(MacKeyStore.AnnounceTime);
        foreach (var replica in replicas)
        {
            await replica.TryLoadAsync(Cancellation);
            Assert.Equal((2, 2u), (replica.Current.Count, replica.Current.Signing.Id));
        }
    }

    [Fact]
    public async Task Wrapping_key_is_changed_by_putting_a_new_one_in_front()
    {
        var store = Replica();
        await store.PrepareAsync(Cancellation);
        var text = RefreshTokenCodec.Write(Token, store.Current.Signing);
        var fresh = KeyEncryptionKeyRing.NewKey();
        var old = await File.ReadAllTextAsync(_service.Services.GetRequiredService<UsersDatabaseOptions>().Sqlite!.DataSource + ".key", Cancellation);
        await Replica(new KeyEncryptionKeyRing([fresh, old], "Keys")).PrepareAsync(Cancellation);
        // Sealed again: the old one may go.
        var without = Replica(new KeyEncryptionKeyRing([fresh], "Keys"));
        await without.PrepareAsync(Cancellation);
        Assert.Equal(RefreshTokenReading.Genuine, RefreshTokenCodec.Read(text, without.Current, out _));
    }

    private static RefreshToken Token { get; } = new("00112233445566778899aabbccddeeff", Guid.NewGuid(), "api", 1, 1);

    private static MacKeySet SetOf(MacKey key) => new(key, [key]);

    private MacKeyStore Replica(KeyEncryptionKeyRing? ring = null) => new(
        _service.Services.GetRequiredService<IDbContextFactory<UsersDbContext>>(),
        ring is null ? _service.Services.GetRequiredService<Lazy<KeyEncryptionKeyRing>>() : new Lazy<KeyEncryptionKeyRing>(ring),
        _service.Services.GetRequiredService<IOptions<AuthServiceOptions>>(), _time, NullLogger<MacKeyStore>.Instance);

    /// <summary>Stands still until it is told to pass.</summary>
    private sealed class ManualTime : TimeProvider
    {
        private DateTimeOffset _now = TimeProvider.System.GetUtcNow();

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Pass(TimeSpan time) => _now += time;

        public override DateTimeOffset GetUtcNow() => _now;

        public override long GetTimestamp() => _now.Ticks;
    }
}
