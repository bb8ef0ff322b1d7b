using System.Collections.Frozen;
using System.Text;

namespace AuthService.SigningKeys;

/// <summary>The signing keys as last read from the database: one immutable snapshot that the store replaces.</summary>
internal sealed class SigningKeySet
{
    private volatile Snapshot? _snapshot;

    /// <summary>The key that signs now.</summary>
    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet.</exception>
    public SigningKey Active => Loaded.Active;

    /// <summary>The JWK set (RFC 7517 section 5), UTF-8.</summary>
    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet.</exception>
    public ReadOnlyMemory<byte> Jwks => Loaded.Jwks;

    /// <summary>The keys in <see cref="Jwks"/> by <c>kid</c>: those whose tokens are accepted.</summary>
    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet.</exception>
    public IReadOnlyDictionary<string, SigningKey> Published => Loaded.Published;

    private Snapshot Loaded => _snapshot ?? throw new SigningKeysUnavailableException();

    /// <summary>Replaces the snapshot.</summary>
    public void Replace(SigningKey active, IReadOnlyCollection<SigningKey> published)
    {
        var jwks = $$"""{"keys":[{{string.Join(',', published.Select(key => key.PublicJwk))}}]}""";
        _snapshot = new Snapshot(active, Encoding.UTF8.GetBytes(jwks), published.ToFrozenDictionary(key => key.Kid));
    }

    private sealed record Snapshot(SigningKey Active, ReadOnlyMemory<byte> Jwks, FrozenDictionary<string, SigningKey> Published);
}

/// <summary>The signing keys are not loaded: the users database has not answered since start-up. Answered with 503.</summary>
internal sealed class SigningKeysUnavailableException() : Exception("The signing keys have not been loaded yet.");
