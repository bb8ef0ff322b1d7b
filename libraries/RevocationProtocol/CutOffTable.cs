using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace RevocationProtocol;

/// <summary>
/// The revocations with a cut-off (sub, client, all). One writer at a time; readers take no lock. Cut-offs for one id
/// compose exactly: one replaces another only if it kills everything the other does, so that a later cut-off which
/// spares session B never brings back what an earlier one, sparing session A, had killed of B.
/// </summary>
internal sealed class CutOffTable
{
    private readonly ConcurrentDictionary<UInt128, ImmutableArray<CutOff>> _cutOffs = new();
    private readonly PriorityQueue<UInt128, long> _expiries = new();
    private readonly int[] _counts = new int[1 << RevocableToken.KindBits];
    private volatile bool _any;

    /// <summary>Ids that have a cut-off.</summary>
    public int Count { get; private set; }

    /// <summary>Those of one kind.</summary>
    public int CountOf(RevocationKind kind) => Volatile.Read(ref _counts[(int)kind]);

    /// <summary>Whether a cut-off kills the token. Safe beside the writer.</summary>
    public bool Covers(RevocableToken token) =>
        _any && (Covers(token.Sub, token) || Covers(token.Client, token) || Covers(token.All, token));

    /// <summary>The handles whose cut-offs kill the token.</summary>
    public IEnumerable<UInt128> FindCovering(RevocableToken token) =>
        new[] { token.Sub, token.Client, token.All }.Where(handle => Covers(handle, token));

    /// <summary>Adds a cut-off. Returns whether anything changed.</summary>
    public bool Add(UInt128 handle, long cutOffMs, string? exceptSid, long expiresMs)
    {
        var added = new CutOff(cutOffMs, exceptSid, expiresMs);
        var known = _cutOffs.GetValueOrDefault(handle, []);
        foreach (var cutOff in known)
        {
            if (cutOff.Includes(added))
                return false;
        }
        var kept = known.RemoveAll(added.Includes).Add(added);
        _cutOffs[handle] = kept;
        _any = true;
        if (known.IsEmpty)
        {
            Count++;
            _counts[(int)RevocableToken.KindOf(handle)]++;
        }
        _expiries.Enqueue(handle, expiresMs);
        return true;
    }

    /// <summary>Drops what has expired by <paramref name="nowMs"/>.</summary>
    public void Sweep(long nowMs)
    {
        while (_expiries.TryPeek(out var handle, out var expires) && expires <= nowMs)
        {
            _expiries.Dequeue();
            if (!_cutOffs.TryGetValue(handle, out var known))
                continue;
            var kept = known.RemoveAll(cutOff => cutOff.ExpiresMs <= nowMs);
            if (!kept.IsEmpty)
            {
                _cutOffs[handle] = kept;
                continue;
            }
            _cutOffs.TryRemove(handle, out _);
            Count--;
            _counts[(int)RevocableToken.KindOf(handle)]--;
            _any = Count > 0;
        }
    }

    private bool Covers(UInt128 handle, RevocableToken token)
    {
        if (handle == UInt128.Zero || !_cutOffs.TryGetValue(handle, out var cutOffs))
            return false;
        foreach (var cutOff in cutOffs)
        {
            if (token.IssueTimeMs <= cutOff.CutOffMs && (cutOff.ExceptSid is null || cutOff.ExceptSid != token.SessionId))
                return true;
        }
        return false;
    }

    private readonly record struct CutOff(long CutOffMs, string? ExceptSid, long ExpiresMs)
    {
        /// <summary>Whether everything <paramref name="other"/> kills, now and until it expires, this kills too.</summary>
        public bool Includes(CutOff other) =>
            CutOffMs >= other.CutOffMs && ExpiresMs >= other.ExpiresMs && (ExceptSid is null || ExceptSid == other.ExceptSid);
    }
}
