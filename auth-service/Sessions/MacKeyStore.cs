using System.Globalization;
using System.Security.Cryptography;
using AuthService.SigningKeys;
using AuthService.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace AuthService.Sessions;

/// <summary>
/// The MAC keys of refresh tokens in the database, sealed. The first is made at start-up; each makes way for the next
/// after <see cref="RotationInterval"/> and verifies for a whole session life longer, so that rotation ends no session.
/// </summary>
internal sealed partial class MacKeyStore(
    IDbContextFactory<UsersDbContext> databases, Lazy<KeyEncryptionKeyRing> ring, IOptions<AuthServiceOptions> options, TimeProvider time,
    ILogger<MacKeyStore> logger) : IPreparationStep
{
    /// <summary>What the envelopes are sealed for.</summary>
    public const string Purpose = "refresh-token-key";

    /// <summary>How long a key makes new tokens.</summary>
    public static readonly TimeSpan RotationInterval = TimeSpan.FromDays(90);

    /// <summary>How long a new key only verifies: longer than any replica takes to read the keys again.</summary>
    public static readonly TimeSpan AnnounceTime = TimeSpan.FromSeconds(30);

    /// <summary>How soon a token under an unknown key may cause the next look into the database.</summary>
    private static readonly TimeSpan ReloadCoolDown = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private volatile MacKeySet? _current;
    private Task _reload = Task.CompletedTask;
    private long? _reloadedAt;

    /// <summary>The keys as last read.</summary>
    /// <exception cref="SigningKeysUnavailableException">They have not been loaded yet.</exception>
    public MacKeySet Current => _current ?? throw new SigningKeysUnavailableException();

    /// <summary>Makes the first key if there is none, seals under the first key-encryption key what is sealed under another,
    /// and loads. Runs under <see cref="StartupLock"/>.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var rows = await database.RefreshTokenKeys.ToListAsync(cancellationToken);
        if (rows.Count == 0) Add(database, id: 1);
        foreach (var row in rows.Where(row => !ring.Value.IsSealedUnderFirstKey(row.SealedKey)))
        {
            var secret = ring.Value.Open(Purpose, row.Id, row.SealedKey);
            row.SealedKey = ring.Value.Seal(Purpose, row.Id, secret);
            CryptographicOperations.ZeroMemory(secret);
            Log.Resealed(logger, row.Id);
        }
        await database.SaveChangesAsync(cancellationToken);
        await LoadAsync(cancellationToken);
    }

    /// <summary>Whether the newest key has made tokens for long enough, or an old one may go.</summary>
    public async Task<bool> IsRotationDueAsync(CancellationToken cancellationToken)
    {
        var now = NowMs;
        var rotateBefore = now - (long)RotationInterval.TotalMilliseconds;
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await database.RefreshTokenKeys.AnyAsync(
            key => key.RetiresAtMs == null ? key.CreatedAtMs <= rotateBefore : key.RetiresAtMs <= now, cancellationToken);
    }

    /// <summary>Does what is due. Call under <see cref="StartupLock"/>.</summary>
    public async Task RotateIfDueAsync(CancellationToken cancellationToken)
    {
        if (!await IsRotationDueAsync(cancellationToken))
            return;
        var now = NowMs;
        await using (var database = await databases.CreateDbContextAsync(cancellationToken))
            await database.RefreshTokenKeys.Where(key => key.RetiresAtMs <= now).ExecuteDeleteAsync(cancellationToken);
        if (await IsRotationDueAsync(cancellationToken))
            await RotateAsync(cancellationToken);
    }

    /// <summary>Makes the next key and sets the end of those before it. Call under <see cref="StartupLock"/>.</summary>
    public async Task RotateAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var rows = await database.RefreshTokenKeys.ToListAsync(cancellationToken);
        // A client may allow longer sessions than the service's own default.
        var longest = await database.Clients.MaxAsync(client => client.SessionLifetimeSeconds, cancellationToken) ?? 0;
        var life = Math.Max(longest * 1000, (long)options.Value.SessionLifetime.TotalMilliseconds);
        var retires = NowMs + (long)AnnounceTime.TotalMilliseconds + life;
        foreach (var row in rows.Where(row => row.RetiresAtMs is null))
            row.RetiresAtMs = retires;
        Add(database, rows.Count == 0 ? 1 : rows.Max(row => ParseId(row.Id)) + 1);
        await database.SaveChangesAsync(cancellationToken);
        await LoadAsync(cancellationToken);
    }

    private async Task LoadAsync(CancellationToken cancellationToken)
    {
        var now = NowMs;
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var rows = await database.RefreshTokenKeys.AsNoTracking().Where(key => key.RetiresAtMs == null || key.RetiresAtMs > now).ToListAsync(cancellationToken);
        var known = _current;
        var keys = rows.ConvertAll(row => (Row: row, Key: known?.Find(ParseId(row.Id)) ?? Open(row)));
        keys.Sort((a, b) => a.Key.Id.CompareTo(b.Key.Id));
        if (keys.Count == 0)
            throw new InvalidOperationException("The table refresh_token_keys has no key in force; restart the service to make one.");
        // The newest key that every replica has had time to read; at first there is only one, which nobody can have missed.
        var announcedBefore = now - (long)AnnounceTime.TotalMilliseconds;
        var signing = keys.FindLast(key => key.Row.CreatedAtMs <= announcedBefore).Key ?? keys[0].Key;
        _current = new MacKeySet(signing, keys.Select(key => key.Key));
    }

    /// <summary>
    /// Looks for a key that a token names and this replica does not have. All that ask at one time share one look, and
    /// after it nobody looks for <see cref="ReloadCoolDown"/>: forged tokens cannot make the database work.
    /// </summary>
    public async Task ReloadAsync()
    {
        Task reload;
        lock (_gate)
        {
            if (_reload.IsCompleted && (_reloadedAt is not { } at || time.GetElapsedTime(at) >= ReloadCoolDown))
            {
                _reloadedAt = time.GetTimestamp();
                _reload = TryLoadAsync();
            }
            reload = _reload;
        }
        await reload;
    }

    /// <summary>Reads the keys again if that is possible now.</summary>
    public async Task TryLoadAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await LoadAsync(cancellationToken);
        }
        catch (Exception e) when (UsersDatabaseFaults.IsAway(e) || e is KeyEncryptionException or InvalidOperationException)
        {
            Log.Kept(logger, e);
        }
    }

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    private void Add(UsersDbContext database, uint id)
    {
        var secret = RandomNumberGenerator.GetBytes(MacKey.SecretLength);
        var text = id.ToString(CultureInfo.InvariantCulture);
        database.Add(new RefreshTokenKey { Id = text, SealedKey = ring.Value.Seal(Purpose, text, secret), CreatedAtMs = NowMs });
        CryptographicOperations.ZeroMemory(secret);
        Log.Made(logger, text);
    }

    private MacKey Open(RefreshTokenKey row) => new(ParseId(row.Id), ring.Value.Open(Purpose, row.Id, row.SealedKey));

    private static uint ParseId(string text) => uint.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);

    internal static partial class Log
    {
        [LoggerMessage(2300, LogLevel.Information, "Made refresh token key {Id}")]
        public static partial void Made(ILogger logger, string id);

        [LoggerMessage(2301, LogLevel.Warning, "The refresh token keys could not be read again; those last read stay in use")]
        public static partial void Kept(ILogger logger, Exception exception);

        [LoggerMessage(2303, LogLevel.Information, "Refresh token key {Id} is sealed under the first of AuthService:KeyEncryptionKeys now")]
        public static partial void Resealed(ILogger logger, string id);
    }
}
