namespace AuthService.SigningKeys;

/// <summary>The signing keys as last read from the database: one immutable snapshot that the loader replaces.</summary>
internal sealed class SigningKeySet
{
    private volatile Snapshot? _snapshot;

    /// <summary>The key that signs now.</summary>
    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet.</exception>
    public SigningKey Active => Loaded.Active;

    /// <summary>The JWK set (RFC 7517 section 5), UTF-8.</summary>
    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet.</exception>
    public ReadOnlyMemory<byte> Jwks => Loaded.Jwks;

    /// <summary>The ids in <see cref="Jwks"/> and their algorithms: the keys whose tokens are accepted.</summary>
    /// <exception cref="SigningKeysUnavailableException">The keys have not been loaded yet.</exception>
    public IReadOnlyDictionary<string, PublishedKey> Published => Loaded.Published;

    public bool IsLoaded => _snapshot is not null;

    private Snapshot Loaded => _snapshot ?? throw new SigningKeysUnavailableException();

    public void Replace(SigningKey active, ReadOnlyMemory<byte> jwks, IReadOnlyDictionary<string, PublishedKey> published) =>
        _snapshot = new Snapshot(active, jwks, published);

    private sealed record Snapshot(SigningKey Active, ReadOnlyMemory<byte> Jwks, IReadOnlyDictionary<string, PublishedKey> Published);
}

/// <summary>A public key that is accepted.</summary>
/// <param name="Algorithm"><c>alg</c>; the key decides it, never the token.</param>
/// <param name="Jwk">The key as JSON.</param>
internal sealed record PublishedKey(string Algorithm, string Jwk);

/// <summary>The signing keys are not loaded: the users database has not answered since start-up. Answered with 503.</summary>
internal sealed class SigningKeysUnavailableException() : Exception("The signing keys have not been loaded yet.");
