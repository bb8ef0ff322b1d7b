namespace RevocationProtocol;

/// <summary>
/// Makes the handles of one issuer's tokens. Many tokens name the same key and the same client: those handles are remembered,
/// so that a token's first sight hashes only what is its own. Any number of threads.
/// </summary>
/// <param name="name"><c>iss</c>.</param>
public sealed class RevocableIssuer(string name)
{
    private const int MaxRemembered = 256;

    // Where two ids meet, the later one takes the place: nobody's choice of ids can fill it for ever.
    private readonly Remembered?[] _remembered = new Remembered?[MaxRemembered];
    private readonly UInt128 _all = RevocableToken.Hash(name, RevocationKind.All, "");

    /// <summary>The handles of a token; see <see cref="RevocableToken"/>.</summary>
    /// <param name="jti">Token id.</param>
    /// <param name="sid">Session id.</param>
    /// <param name="kid">Id of the key that signed it.</param>
    /// <param name="sub">Subject as issued.</param>
    /// <param name="clientId">Client.</param>
    /// <param name="issueTimeMs">Unix ms.</param>
    public RevocableToken Token(string? jti, string? sid, string? kid, string? sub, string? clientId, long issueTimeMs) =>
        new(name, sid, sub, issueTimeMs)
        {
            Jti = RevocableToken.Hash(name, RevocationKind.Jti, jti),
            Sid = RevocableToken.Hash(name, RevocationKind.Sid, sid),
            Kid = Shared(RevocationKind.Kid, kid),
            Client = Shared(RevocationKind.Client, clientId),
            All = _all,
        };

    private UInt128 Shared(RevocationKind kind, string? id)
    {
        if (id is null)
            return UInt128.Zero;
        ref var place = ref _remembered[(uint)HashCode.Combine((int)kind, id) % MaxRemembered];
        // An object, so that a handle is never read half written.
        var known = Volatile.Read(ref place);
        if (known is null || known.Kind != kind || known.Id != id)
            Volatile.Write(ref place, known = new Remembered(kind, id, RevocableToken.Hash(name, kind, id)));
        return known.Handle;
    }

    private sealed record Remembered(RevocationKind Kind, string Id, UInt128 Handle);
}
