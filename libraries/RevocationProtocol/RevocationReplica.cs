namespace RevocationProtocol;

/// <summary>
/// This process's copy of all live revocations, and how old its knowledge may be. Checks read memory only and take no
/// lock; one reader (its reader) writes. It starts unknown, and never forgets an unexpired entry.
/// </summary>
public sealed class RevocationReplica
{
    /// <summary>How often the state is read even if nothing was pushed.</summary>
    public static readonly TimeSpan ReadInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>How late a read may be before the process must assume that it was stopped meanwhile.</summary>
    public static readonly TimeSpan ReadLateness = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly Lock _writing = new();
    private readonly RevocationTable _table;
    private readonly CutOffTable _cutOffs = new();
    private readonly TimeSpan _maxStaleness;
    private long _expiredMs;
    private long _provenAt;
    private long _readDue;
    private volatile bool _loaded;

    /// <summary>Creates a replica that answers <see cref="RevocationVerdict.Unknown"/> until it is loaded.</summary>
    /// <param name="maxStaleness">Age of the last proof of contact from which on the state counts as unknown.</param>
    /// <param name="time">Clock of ages and expiries.</param>
    public RevocationReplica(TimeSpan maxStaleness, TimeProvider time)
    {
        _time = time;
        _maxStaleness = maxStaleness;
        _table = new RevocationTable(nowMs: 0);
    }

    /// <summary>Raised after new entries took effect, on the reader's thread: whoever holds something for a token looks again.</summary>
    public event Action<IReadOnlyList<RevocationEntry>>? Applied;

    /// <summary>The age from which on the state counts as unknown.</summary>
    public TimeSpan MaxStaleness => _maxStaleness;

    /// <summary>Whether the whole state was read once.</summary>
    public bool IsLoaded => _loaded;

    /// <summary>Live entries without and with a cut-off.</summary>
    public (int Exact, int CutOffs) Counts => (_table.Count, _cutOffs.Count);

    /// <summary>Live entries of one kind; of a kind with cut-offs, ids that have one.</summary>
    /// <param name="kind">The kind.</param>
    public int CountOf(RevocationKind kind) => _table.CountOf(kind) + _cutOffs.CountOf(kind);

    /// <summary>Time since the last proof of contact; null before the first.</summary>
    public TimeSpan? Age => _loaded ? _time.GetElapsedTime(Volatile.Read(ref _provenAt)) : null;

    /// <summary>Whether absence of a revocation may be believed now.</summary>
    public bool IsCurrent
    {
        get
        {
            if (!_loaded)
                return false;
            var now = _time.GetTimestamp();
            return _time.GetElapsedTime(Volatile.Read(ref _provenAt), now) <= _maxStaleness
                && _time.GetElapsedTime(Volatile.Read(ref _readDue), now) <= ReadLateness;
        }
    }

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>What is known about the token. A revocation that is known counts however old the state is.</summary>
    /// <param name="token">The token's handles.</param>
    public RevocationVerdict Check(RevocableToken token)
    {
        // Before the look: a read that ends between the two would vouch for entries that the look has missed.
        var current = IsCurrent;
        if (Contains(token.Jti) || Contains(token.Sid) || Contains(token.Kid) || _cutOffs.Covers(token))
            return RevocationVerdict.Revoked;
        return current ? RevocationVerdict.Live : RevocationVerdict.Unknown;
    }

    /// <summary>Whether everything under an id is dead, as far as is known. For kinds without a cut-off.</summary>
    /// <param name="issuer"><c>iss</c>.</param>
    /// <param name="kind">jti, sid or kid.</param>
    /// <param name="id">The value of the claim.</param>
    public bool IsRevoked(string issuer, RevocationKind kind, string id) => Contains(RevocableToken.Hash(issuer, kind, id));

    /// <summary>The kinds of all revocations that are known to cover the token: why it is dead.</summary>
    /// <param name="token">The token's handles.</param>
    public IReadOnlyList<RevocationKind> FindRevoking(RevocableToken token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return [.. new[] { token.Jti, token.Sid, token.Kid }.Where(Contains).Concat(_cutOffs.FindCovering(token)).Select(RevocableToken.KindOf)];
    }

    /// <summary>Takes entries in, whatever their order: merging is idempotent and only ever adds.</summary>
    /// <param name="entries">Entries to add; expired ones have no effect.</param>
    public void Apply(IReadOnlyList<RevocationEntry> entries)
    {
        List<RevocationEntry>? added = null;
        lock (_writing)
        {
            foreach (var entry in entries)
            {
                if (entry.ExpiresMs <= _expiredMs)
                    continue;
                var handle = RevocableToken.Hash(entry.Issuer, entry.Kind, entry.Id);
                var changed = entry.HasCutOff
                    ? _cutOffs.Add(handle, entry.CutOffMs, entry.ExceptSid, entry.ExpiresMs)
                    : _table.Add(handle, entry.ExpiresMs);
                if (changed)
                    (added ??= []).Add(entry);
            }
        }
        if (added is not null)
            Applied?.Invoke(added);
    }

    /// <summary>
    /// Drops what has expired by this process's clock and by Redis's: one that runs ahead for a while, and is then set
    /// right, must not have made anything forgotten.
    /// </summary>
    /// <param name="redisNowMs">Redis's clock, Unix ms.</param>
    public void Sweep(long redisNowMs)
    {
        lock (_writing)
        {
            var now = Math.Min(NowMs, redisNowMs);
            if (now <= _expiredMs)
                return;
            _expiredMs = now;
            _table.Sweep(now);
            _cutOffs.Sweep(now);
        }
    }

    /// <summary>The state was complete as of <paramref name="sentAt"/>, when the question that proved it left this process.</summary>
    internal void Prove(long sentAt)
    {
        Volatile.Write(ref _provenAt, sentAt);
        // An answer that lay unread while the process was stopped makes nothing young.
        Volatile.Write(ref _readDue, (IsReadingInTime ? _time.GetTimestamp() : sentAt) + Interval);
        _loaded = true;
    }

    /// <summary>
    /// A read failed, or brought one of many pages. If it began in time, the process was running all along and serves on with what it knows. If it
    /// began late, the process may have been stopped, and only a read that succeeds can say what it missed.
    /// </summary>
    internal void ReadWithoutProof()
    {
        if (IsReadingInTime)
            Volatile.Write(ref _readDue, _time.GetTimestamp() + Interval);
    }

    private bool IsReadingInTime => _time.GetElapsedTime(Volatile.Read(ref _readDue)) <= ReadLateness;

    private long Interval => (long)(ReadInterval.TotalSeconds * _time.TimestampFrequency);

    private bool Contains(UInt128 handle) => handle != UInt128.Zero && _table.Contains(handle);
}
