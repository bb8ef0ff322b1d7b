using System.Security.Cryptography;
using AuthService.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace AuthService.SigningKeys;

/// <summary>
/// The signing keys in the database: makes the first, and loads them. Everything published comes out of a sealed envelope,
/// so that who can write to the database but has no key-encryption key cannot add a key.
/// </summary>
internal sealed partial class SigningKeyStore(
    IDbContextFactory<UsersDbContext> databases, Lazy<KeyEncryptionKeyRing> ring, SigningKeySet keys, SigningKeyAudit audit,
    IOptions<AuthServiceOptions> options, TimeProvider time, ILogger<SigningKeyStore> logger) : IPreparationStep, IDisposable
{
    /// <summary>What the envelopes are sealed for.</summary>
    public const string Purpose = "signing-key";

    /// <summary>Keys that were read so recently are not read again for one that is not among them.</summary>
    private static readonly TimeSpan ShortestAge = TimeSpan.FromMilliseconds(100);

    private readonly SemaphoreSlim _loading = new(1);
    private readonly Dictionary<string, SigningKey> _loaded = new(StringComparer.Ordinal);

    /// <summary>Makes the first key, or announces one of the configured algorithm if the active key has another; seals under
    /// the first key-encryption key what is sealed under another; loads. Call under <see cref="StartupLock"/>.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await using (var database = await databases.CreateDbContextAsync(cancellationToken))
        {
            if (!await database.SigningKeys.AnyAsync(key => key.State == SigningKeyState.Active, cancellationToken))
            {
                var first = Make(SigningKeyState.Active);
                database.Add(first);
                audit.Created(database, first, actor: null);
                await database.SaveChangesAsync(cancellationToken);
            }
        }
        await using (var locked = await LockedSigningKeys.LockAsync(databases, cancellationToken))
        {
            if (locked.Active.Algorithm != options.Value.SigningAlgorithm && locked.Announced is null)
            {
                var next = Make(SigningKeyState.Announced);
                locked.Add(next);
                audit.Created(locked.Database, next, actor: null);
            }
            foreach (var row in locked.Rows.Where(row => row.SealedPrivateKey.Length > 0)) Reseal(row);
            await locked.CommitAsync(cancellationToken);
        }
        await LoadAsync(cancellationToken);
    }

    /// <summary>Reads the keys and replaces the snapshot.</summary>
    public Task LoadAsync(CancellationToken cancellationToken) => ReadUnlessAsync(() => false, cancellationToken);

    /// <summary>
    /// Looks for a key that is not known: another replica may have made it, and its news is still on the way. However many ask, the
    /// database is asked ten times a second at most. True if it is known now and was not before.
    /// </summary>
    /// <exception cref="SigningKeysUnavailableException">What was found does not open.</exception>
    public async Task<bool> FindAsync(string kid, CancellationToken cancellationToken)
    {
        if (keys.Published.ContainsKey(kid)) return false;
        await LookAsync(() => keys.Published.ContainsKey(kid) || keys.Age < ShortestAge, cancellationToken);
        return keys.Published.ContainsKey(kid);
    }

    /// <summary>The key that signs now. Where the database says that it is another, a replica has replaced it, and its news is
    /// still on the way: with one that was withdrawn nothing is signed any more.</summary>
    /// <param name="kid">The active key, as the database said just now; null if it has none.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet, or none of them can sign now.</exception>
    public async ValueTask<SigningKey> ActiveAsync(string? kid, CancellationToken cancellationToken)
    {
        if (keys.Active.Kid != kid) await LookAsync(() => keys.Active.Kid == kid, cancellationToken);
        return keys.Active;
    }

    /// <summary>A new key of the configured algorithm as a row that is not in the database yet.</summary>
    public SigningKeyRow Make(string state)
    {
        var key = SigningKey.Generate(options.Value.SigningAlgorithm);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        Log.Made(logger, key.Algorithm, key.Kid, state);
        return new SigningKeyRow
        {
            Kid = key.Kid,
            Algorithm = key.Algorithm,
            State = state,
            SealedPrivateKey = ring.Value.Seal(Purpose, key.Kid, key.ExportPkcs8()),
            CreatedAtMs = now,
            StateSinceMs = now,
            ActivatedAtMs = state == SigningKeyState.Active ? now : null,
        };
    }

    public void Dispose() => _loading.Dispose();

    private async Task LookAsync(Func<bool> isKnown, CancellationToken cancellationToken)
    {
        try
        {
            await ReadUnlessAsync(isKnown, cancellationToken);
        }
        catch (Exception e) when (e is KeyEncryptionException || (e is InvalidOperationException && !UsersDatabaseFaults.IsAway(e)))
        {
            Log.Sealed(logger, e.Message);
            throw new SigningKeysUnavailableException(e);
        }
    }

    /// <summary>One at a time, so that an older reading never replaces a newer one, and many who ask are served by one.</summary>
    private async Task ReadUnlessAsync(Func<bool> isKnown, CancellationToken cancellationToken)
    {
        await _loading.WaitAsync(cancellationToken);
        try
        {
            if (!isKnown()) await ReadAsync(cancellationToken);
        }
        finally
        {
            _loading.Release();
        }
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        var readAt = time.GetTimestamp();
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var rows = await database.SigningKeys.AsNoTracking().Where(key => SigningKeyState.Published.Contains(key.State))
            .OrderBy(key => key.CreatedAtMs).ToListAsync(cancellationToken);
        foreach (var gone in _loaded.Keys.Except(rows.Select(row => row.Kid)).ToList()) _loaded.Remove(gone);
        var published = rows.ConvertAll(Open);
        if (rows.FindIndex(row => row.State == SigningKeyState.Active) is var active && active < 0)
            throw new InvalidOperationException("The table signing_keys has no active key; restart the service to make one.");
        keys.Replace(published[active], published, rows[active].StateSinceMs, readAt);
    }

    /// <summary>After a start with a new first key nothing is sealed under the old one any more, which may then go.</summary>
    private void Reseal(SigningKeyRow row)
    {
        if (ring.Value.IsSealedUnderFirstKey(row.SealedPrivateKey)) return;
        row.SealedPrivateKey = ring.Value.Seal(Purpose, row.Kid, ring.Value.Open(Purpose, row.Kid, row.SealedPrivateKey));
        Log.Resealed(logger, row.Kid);
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

    private static partial class Log
    {
        [LoggerMessage(2100, LogLevel.Information, "Made a signing key for {Algorithm}: {Kid}, {State}")]
        public static partial void Made(ILogger logger, string algorithm, string kid, string state);

        [LoggerMessage(2104, LogLevel.Information, "Signing key {Kid} is sealed under the first of AuthService:KeyEncryptionKeys now")]
        public static partial void Resealed(ILogger logger, string kid);

        [LoggerMessage(2106, LogLevel.Error, "Tokens cannot be signed or checked: {Reason}")]
        public static partial void Sealed(ILogger logger, string reason);
    }
}
