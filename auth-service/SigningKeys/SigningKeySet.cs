using System.Collections.Frozen;
using System.Text;

namespace AuthService.SigningKeys;

/// <summary>The signing keys as last read from the database: one immutable snapshot that the store replaces.</summary>
internal sealed class SigningKeySet(TimeProvider time)
{
    /// <summary>
    /// How old a reading may be that this replica still signs by. A replica that cannot read, and hears nothing from the
    /// others, would otherwise sign on with a key that was withdrawn or whose time is over.
    /// </summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(30);

    private volatile Snapshot? _snapshot;

    /// <summary>The key that signs now.</summary>
    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet, or not again for too long.</exception>
    public SigningKey Active =>
        Loaded is var snapshot && time.GetElapsedTime(snapshot.ReadAt) <= MaxAge ? snapshot.Active : throw new SigningKeysUnavailableException();

    /// <summary>The JWK set (RFC 7517 section 5), UTF-8.</summary>
    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet.</exception>
    public ReadOnlyMemory<byte> Jwks => Loaded.Jwks;

    /// <summary>The keys in <see cref="Jwks"/> by <c>kid</c>: those whose tokens are accepted.</summary>
    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet.</exception>
    public IReadOnlyDictionary<string, SigningKey> Published => Loaded.Published;

    /// <summary>Every key with what it does, as text: differs as soon as anything changes. Null before the first load.</summary>
    public string? Fingerprint => _snapshot?.Fingerprint;

    /// <summary>How many keys are published; 0 before the first load.</summary>
    public int Count => _snapshot?.Published.Count ?? 0;

    /// <summary>Since when the active key signs, Unix ms; null before the first load.</summary>
    public long? ActiveSinceMs => _snapshot?.ActiveSinceMs;

    /// <summary>How long ago the keys were read; null before the first load.</summary>
    public TimeSpan? Age => _snapshot is { } snapshot ? time.GetElapsedTime(snapshot.ReadAt) : null;

    private Snapshot Loaded => _snapshot ?? throw new SigningKeysUnavailableException();

    /// <summary>Replaces the snapshot.</summary>
    /// <param name="active">The key that signs.</param>
    /// <param name="published">All keys to publish, that one included.</param>
    /// <param name="activeSinceMs">Since when that one does, Unix ms.</param>
    /// <param name="readAt">Timestamp of when the reading began.</param>
    public void Replace(SigningKey active, IReadOnlyCollection<SigningKey> published, long activeSinceMs, long readAt)
    {
        var jwks = $$"""{"keys":[{{string.Join(',', published.Select(key => key.PublicJwk))}}]}""";
        var fingerprint = $"{active.Kid}:{string.Join(',', published.Select(key => key.Kid))}";
        _snapshot = new Snapshot(active, Encoding.UTF8.GetBytes(jwks), published.ToFrozenDictionary(key => key.Kid), fingerprint, activeSinceMs, readAt);
    }

    private sealed record Snapshot(
        SigningKey Active, ReadOnlyMemory<byte> Jwks, FrozenDictionary<string, SigningKey> Published, string Fingerprint, long ActiveSinceMs, long ReadAt);
}

/// <summary>The signing keys are not known: the users database has not answered since start-up, or not for too long, or a key does not open or is missing.
/// Answered with 503.</summary>
internal sealed class SigningKeysUnavailableException(Exception? cause = null)
    : Exception("The signing keys have not been read from the users database, or not for too long.", cause);
