using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace RevocationProtocol;

/// <summary>
/// The handles by which a token can be revoked, hashed once so that each later check is a few memory reads.
/// </summary>
public sealed class RevocableToken
{
    internal const int KindBits = 3;
    private const int KindShift = 128 - KindBits;

    private readonly string? _subject;
    // An object, so that it is never read half written.
    private object? _sub;

    /// <summary>Creates the handles of a token that has been validated.</summary>
    /// <param name="issuer"><c>iss</c>.</param>
    /// <param name="jti">Token id; null if a foreign token has none, it then cannot be revoked singly.</param>
    /// <param name="sid">Session id, null for service tokens.</param>
    /// <param name="kid">Id of the key that signed it.</param>
    /// <param name="sub">Subject as issued, without any prefix.</param>
    /// <param name="clientId">Client.</param>
    /// <param name="issueTimeMs">Unix ms: the time in the UUIDv7 <c>jti</c> for own tokens, <c>iat</c>·1000 for foreign ones.</param>
    public RevocableToken(string issuer, string? jti, string? sid, string? kid, string? sub, string? clientId, long issueTimeMs)
        : this(issuer, sid, sub, issueTimeMs)
    {
        Jti = Hash(issuer, RevocationKind.Jti, jti);
        Sid = Hash(issuer, RevocationKind.Sid, sid);
        Kid = Hash(issuer, RevocationKind.Kid, kid);
        Client = Hash(issuer, RevocationKind.Client, clientId);
        All = Hash(issuer, RevocationKind.All, "");
    }

    internal RevocableToken(string issuer, string? sid, string? sub, long issueTimeMs)
    {
        _subject = sub;
        Issuer = issuer;
        SessionId = sid;
        IssueTimeMs = issueTimeMs;
    }

    /// <summary><c>iss</c> of the token.</summary>
    public string Issuer { get; }

    /// <summary><c>sid</c> of the token, if any.</summary>
    public string? SessionId { get; }

    /// <summary>When the token was issued, Unix ms.</summary>
    public long IssueTimeMs { get; }

    internal UInt128 Jti { get; init; }

    internal UInt128 Sid { get; init; }

    internal UInt128 Kid { get; init; }

    /// <summary>Hashed when it is first asked for: only where there are cut-offs.</summary>
    internal UInt128 Sub => (UInt128)(_sub ??= Hash(Issuer, RevocationKind.Sub, _subject));

    internal UInt128 Client { get; init; }

    internal UInt128 All { get; init; }

    /// <summary>
    /// The kind, and 125 bits of SHA-256 over issuer, kind and id, each delimited by its length. Zero (never looked up) for
    /// a null id.
    /// </summary>
    internal static UInt128 Hash(string issuer, RevocationKind kind, string? id)
    {
        if (id is null)
            return UInt128.Zero;
        var length = 5 + Encoding.UTF8.GetMaxByteCount(issuer.Length) + Encoding.UTF8.GetMaxByteCount(id.Length);
        var buffer = length <= 512 ? stackalloc byte[length] : new byte[length];
        buffer[0] = (byte)kind;
        var issuerLength = Encoding.UTF8.GetBytes(issuer, buffer[5..]);
        BinaryPrimitives.WriteInt32LittleEndian(buffer[1..], issuerLength);
        var end = 5 + issuerLength;
        end += Encoding.UTF8.GetBytes(id, buffer[end..]);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(buffer[..end], digest);
        var hash = ((BinaryPrimitives.ReadUInt128LittleEndian(digest) << KindBits) >> KindBits) | ((UInt128)(int)kind << KindShift);
        return hash == UInt128.Zero ? UInt128.One : hash;
    }

    /// <summary>The kind in a handle.</summary>
    internal static RevocationKind KindOf(UInt128 handle) => (RevocationKind)(int)(handle >> KindShift);
}
