using System.Text;

namespace Gateway.Forwarding;

/// <summary>The keys of identity tokens as last read: one immutable snapshot, which the store replaces.</summary>
internal sealed class IdentityKeySet
{
    private volatile Snapshot? _snapshot;

    /// <summary>The key that signs now; null before the keys are known.</summary>
    public IdentityKey? Signer => _snapshot?.Signer;

    /// <summary>The JWK set (RFC 7517 section 5) in UTF-8; null before the keys are known.</summary>
    public byte[]? Jwks => _snapshot?.Jwks;

    public void Replace(IdentityKey signer, IEnumerable<IdentityKey> published) =>
        _snapshot = new Snapshot(signer, Encoding.UTF8.GetBytes($$"""{"keys":[{{string.Join(',', published.Select(key => key.Jwk))}}]}"""));

    private sealed record Snapshot(IdentityKey Signer, byte[] Jwks);
}
