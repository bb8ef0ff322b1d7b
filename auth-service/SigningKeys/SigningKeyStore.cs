using System.Security.Cryptography;
using AuthService.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace AuthService.SigningKeys;

/// <summary>
/// The signing keys in the database: makes the first, moves each through its states, and loads them. Everything published
/// comes out of a sealed envelope, so that who can write to the database but has no key-encryption key cannot add a key.
/// </summary>
internal sealed partial class SigningKeyStore(
    IDbContextFactory<UsersDbContext> databases, Lazy<KeyEncryptionKeyRing> ring, SigningKeySet keys,
    IOptions<AuthServiceOptions> options, TimeProvider time, ILogger<SigningKeyStore> logger) : IPreparationStep
{
    /// <summary>What the envelopes are sealed for.</summary>
    public const string Purpose = "signing-key";

    /// <summary>How long a key is published before it signs: longer than any replica or gateway takes to read keys again.</summary>
    public static readonly TimeSpan AnnounceTime = TimeSpan.FromSeconds(30);

    /// <summary>How long a key is published after its last signature: the longest <c>AccessTokenLifetime</c> there may
    /// have been, and more than any clock skew.</summary>
    public static readonly TimeSpan RetireTime = TimeSpan.FromDays(1) + TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, SigningKey> _loaded = new(StringComparer.Ordinal);

    /// <summary>Makes the first key, or announces one of the configured algorithm if the active key has another, then
    /// loads. Call under <see cref="StartupLock"/>.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var algorithm = options.Value.SigningAlgorithm;
        var active = await database.SigningKeys.SingleOrDefaultAsync(k => k.State == SigningKeyState.Active, cancellationToken);
        if (active is null)
            Add(database, algorithm, SigningKeyState.Active);
        else if (active.Algorithm != algorithm && !await database.SigningKeys.AnyAsync(k => k.State == SigningKeyState.Announced && k.Algorithm == algorithm, cancellationToken))
            Add(database, algorithm, SigningKeyState.Announced);
        foreach (var row in await database.SigningKeys.Where(k => k.State != SigningKeyState.Gone).ToListAsync(cancellationToken)) Reseal(row);
        await database.SaveChangesAsync(cancellationToken);
        await LoadAsync(cancellationToken);
    }

    /// <summary>Whether a key is due for its next state.</summary>
    public async Task<bool> IsTransitionDueAsync(CancellationToken cancellationToken)
    {
        var (announcedBefore, retiredBefore) = Due();
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await database.SigningKeys.AnyAsync(
            k => (k.State == SigningKeyState.Announced && k.StateSinceMs <= announcedBefore) || (k.State == SigningKeyState.Retiring && k.StateSinceMs <= retiredBefore),
            cancellationToken);
    }

    /// <summary>Moves keys that are due to their next state. Call under <see cref="StartupLock"/>.</summary>
    public async Task TransitionAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var (announcedBefore, retiredBefore) = Due();
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        var rows = await database.SigningKeys.Where(k => k.State != SigningKeyState.Gone).OrderBy(k => k.StateSinceMs).ToListAsync(cancellationToken);
        foreach (var row in rows.Where(k => k.State == SigningKeyState.Retiring && k.StateSinceMs <= retiredBefore))
        {
            row.SealedPrivateKey = "";
            Move(row, SigningKeyState.Gone, now);
        }
        if (rows.Find(k => k.State == SigningKeyState.Announced && k.StateSinceMs <= announcedBefore) is { } next)
        {
            // Two statements, in this order: there is never more than one active key, not even within the transaction.
            Move(rows.Single(k => k.State == SigningKeyState.Active), SigningKeyState.Retiring, now);
            await database.SaveChangesAsync(cancellationToken);
            Move(next, SigningKeyState.Active, now);
        }
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Reads the keys and replaces the snapshot. One caller at a time.</summary>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var rows = await database.SigningKeys.AsNoTracking().Where(k => k.State != SigningKeyState.Gone).OrderBy(k => k.CreatedAtMs).ToListAsync(cancellationToken);
        SigningKey? active = null;
        var published = new List<SigningKey>();
        foreach (var row in rows)
        {
            var key = Open(row);
            published.Add(key);
            if (row.State == SigningKeyState.Active) active = key;
        }
        if (active is null) throw new InvalidOperationException("The table signing_keys has no active key; restart the service to make one.");
        keys.Replace(active, published);
    }

    private void Add(UsersDbContext database, string algorithm, string state)
    {
        var key = SigningKey.Generate(algorithm);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        database.Add(new SigningKeyRow
        {
            Kid = key.Kid,
            Algorithm = algorithm,
            State = state,
            SealedPrivateKey = ring.Value.Seal(Purpose, key.Kid, key.ExportPkcs8()),
            CreatedAtMs = now,
            StateSinceMs = now,
        });
        Log.Made(logger, algorithm, key.Kid, state);
    }

    /// <summary>After a start with a new first key nothing is sealed under the old one any more, which may then go.</summary>
    private void Reseal(SigningKeyRow row)
    {
        if (ring.Value.IsSealedUnderFirstKey(row.SealedPrivateKey)) return;
        row.SealedPrivateKey = ring.Value.Seal(Purpose, row.Kid, ring.Value.Open(Purpose, row.Kid, row.SealedPrivateKey));
    }

    private SigningKey Open(SigningKeyRow row)
    {
        if (_loaded.TryGetValue(row.Kid, out var key)) return key;
        var pkcs8 = ring.Value.Open(Purpose, row.Kid, row.SealedPrivateKey);
        try
        {
            key = SigningKey.FromPkcs8(row.Algorithm, pkcs8);
        }
        catch (CryptographicException e)
        {
            throw new KeyEncryptionException($"The {Purpose} '{row.Kid}' is not a key for {row.Algorithm}.", e);
        }
        if (key.Kid != row.Kid) throw new KeyEncryptionException($"The {Purpose} '{row.Kid}' holds another key.");
        return _loaded[row.Kid] = key;
    }

    private void Move(SigningKeyRow row, string state, long now)
    {
        Log.Moved(logger, row.Kid, row.State, state);
        row.State = state;
        row.StateSinceMs = now;
    }

    private (long AnnouncedBefore, long RetiredBefore) Due()
    {
        var now = time.GetUtcNow();
        return ((now - AnnounceTime).ToUnixTimeMilliseconds(), (now - RetireTime).ToUnixTimeMilliseconds());
    }

    private static partial class Log
    {
        [LoggerMessage(2100, LogLevel.Information, "Made a signing key for {Algorithm}: {Kid}, {State}")]
        public static partial void Made(ILogger logger, string algorithm, string kid, string state);

        [LoggerMessage(2101, LogLevel.Information, "Signing key {Kid} goes from {From} to {To}")]
        public static partial void Moved(ILogger logger, string kid, string from, string to);
    }
}
