using System.Collections.Frozen;
using System.Globalization;

namespace AuthService.Sessions;

/// <summary>A MAC key. The id is public, part of every token, and drawn at random.</summary>
internal sealed class RefreshTokenKey(ulong id, byte[] secret)
{
    /// <summary>Length of the secret: that of HMAC-SHA-256's output (RFC 2104 section 3).</summary>
    public const int SecretLength = 32;

    public ulong Id { get; } = id;

    public ReadOnlySpan<byte> Secret => secret;

    public static string IdText(ulong id) => id.ToString("x16", CultureInfo.InvariantCulture);

    public static ulong ParseId(string text) => ulong.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    public override string ToString() => IdText(Id);
}

/// <summary>An immutable snapshot of the MAC keys: all of them verify, one signs.</summary>
internal sealed class RefreshTokenKeySet(RefreshTokenKey signing, IEnumerable<RefreshTokenKey> all)
{
    private readonly FrozenDictionary<ulong, RefreshTokenKey> _byId = all.ToFrozenDictionary(key => key.Id);

    public RefreshTokenKey Signing { get; } = signing;

    public int Count => _byId.Count;

    public RefreshTokenKey? Find(ulong id) => _byId.GetValueOrDefault(id);
}
