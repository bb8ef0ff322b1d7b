using System.Collections.Frozen;

namespace AuthService.Sessions;

/// <summary>A MAC key of refresh tokens. Its id is public and part of every token; ids count up from 1.</summary>
internal sealed class MacKey(uint id, byte[] secret)
{
    /// <summary>Length of the secret: that of HMAC-SHA-256's output (RFC 2104 section 3).</summary>
    public const int SecretLength = 32;

    public uint Id { get; } = id;

    public ReadOnlySpan<byte> Secret => secret;
}

/// <summary>An immutable snapshot of the MAC keys: all of them verify, one signs.</summary>
internal sealed class MacKeySet(MacKey signing, IEnumerable<MacKey> all)
{
    private readonly FrozenDictionary<uint, MacKey> _byId = all.ToFrozenDictionary(key => key.Id);

    public MacKey Signing { get; } = signing;

    public int Count => _byId.Count;

    public MacKey? Find(uint id) => _byId.GetValueOrDefault(id);
}
