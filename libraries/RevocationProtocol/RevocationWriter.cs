namespace RevocationProtocol;

/// <summary>One gateway in the registry.</summary>
/// <param name="Id">Its name.</param>
/// <param name="HeartbeatMs">Redis time (Unix ms) of its last read.</param>
/// <param name="Applied">Up to where it has applied the stream.</param>
/// <param name="Registration">Under which it applied that; empty when Redis has lost it.</param>
/// <param name="MaxStaleness">How long after its last read it may still serve requests.</param>
public sealed record RegisteredGateway(string Id, long HeartbeatMs, StreamId Applied, string Registration, TimeSpan MaxStaleness)
{
    internal const string SignedOff = "signed-off";

    /// <summary>Whether it has said that it serves no more.</summary>
    public bool HasSignedOff => Registration == SignedOff;
}

/// <summary>What Redis says of itself and of the gateways.</summary>
/// <param name="Identity"><c>run_id:master_replid</c>.</param>
/// <param name="Filled">Whether its marker says, under this identity, that it holds all revocations.</param>
/// <param name="NowMs">Its clock, Unix ms.</param>
/// <param name="Last">Last id the stream ever gave.</param>
/// <param name="Gateways">Every gateway that may still serve requests.</param>
/// <param name="MarkedNumber">The row number of the marker; -1 where it was not asked for or is not of this identity.</param>
public sealed record RevocationStatus(
    string Identity, bool Filled, long NowMs, StreamId Last, IReadOnlyList<RegisteredGateway> Gateways, long MarkedNumber);

/// <summary>The stored revocations of one append.</summary>
/// <param name="Position">Id of the last entry.</param>
/// <param name="Status">The registry in the very moment of the append.</param>
public sealed record RevocationAppend(StreamId Position, RevocationStatus Status);

/// <summary>Writes revocations to the stream, and keeps stream and marker in order. Used by the auth-service only.</summary>
public sealed class RevocationWriter
{
    /// <summary>A cut-off further ahead of Redis's clock than this is refused: 60 s.</summary>
    public static readonly TimeSpan MaxCutOffLead = TimeSpan.FromSeconds(60);

    /// <summary>Most entries of one append.</summary>
    public const int MaxEntries = 500;

    private readonly IRevocationServer _server;
    private readonly GatewayRegister _register;
    private readonly string _owner = Guid.NewGuid().ToString("N");
    private readonly Func<CancellationToken, Task<int>> _trim;

    /// <summary>Creates a writer.</summary>
    /// <param name="redis">Connection to the Redis of the revocations.</param>
    /// <param name="keys">Its keys.</param>
    /// <param name="time">Clock.</param>
    public RevocationWriter(RedisConnection redis, RevocationKeys keys, TimeProvider time)
        : this(new RedisRevocationServer(redis, keys), time) =>
        _trim = async cancellationToken => (int)await redis.EvaluateAsync(
            RevocationScripts.Trim, keys.All, [1000, time.GetUtcNow().ToUnixTimeMilliseconds()], cancellationToken);

    internal RevocationWriter(IRevocationServer server, TimeProvider time)
    {
        _server = server;
        _register = new GatewayRegister(time);
        _trim = _ => throw new NotSupportedException();
    }

    internal IRevocationServer Server => _server;

    /// <summary>Appends entries and pushes them to every gateway; safe to repeat.</summary>
    /// <param name="entries">At least one, at most <see cref="MaxEntries"/>.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="RedisUnavailableException">Not known to be stored.</exception>
    /// <exception cref="ArgumentException">A cut-off lies further ahead of Redis's clock than <see cref="MaxCutOffLead"/>.</exception>
    public Task<RevocationAppend> AppendAsync(IReadOnlyCollection<RevocationEntry> entries, CancellationToken cancellationToken) =>
        AppendAsync(entries, rowNumber: null, MaxCutOffLead, cancellationToken);

    /// <summary>
    /// Appends the entries of committed rows. Whatever their cut-off, they stand: one that is refused here would hold up
    /// all others behind it.
    /// </summary>
    /// <param name="entries">At least one, at most <see cref="MaxEntries"/>.</param>
    /// <param name="rowNumber">Highest number among the rows, which a valid marker is raised to; null to leave the marker.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="RedisUnavailableException">Not known to be stored.</exception>
    public Task<RevocationAppend> AppendRowsAsync(IReadOnlyCollection<RevocationEntry> entries, long? rowNumber, CancellationToken cancellationToken) =>
        AppendAsync(entries, rowNumber, maxCutOffLead: null, cancellationToken);

    /// <summary>Asks for Redis's identity, marker, clock and gateways.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="RedisUnavailableException">No answer.</exception>
    public async Task<RevocationStatus> InspectAsync(CancellationToken cancellationToken) =>
        _register.Complete(await _server.InspectAsync(cancellationToken));

    /// <summary>Raises the row number of the marker if it is valid and of that identity; else that Redis may lack the entry.</summary>
    /// <param name="identity">Of the Redis that took the entry.</param>
    /// <param name="rowNumber">The row of the entry.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public Task<bool> TryRaiseMarkAsync(string identity, long rowNumber, CancellationToken cancellationToken) =>
        _server.RaiseMarkAsync(identity, rowNumber, cancellationToken);

    /// <summary>Removes expired entries from the head of the stream. Answers how many went; ask again while it is many.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public Task<int> TrimAsync(CancellationToken cancellationToken) => _trim(cancellationToken);

    /// <summary>Takes the right to refill, so that replicas do not all do it.</summary>
    internal Task<bool> TryLockRefillAsync(TimeSpan life, CancellationToken cancellationToken) =>
        _server.LockRefillAsync(_owner, life, keep: false, cancellationToken);

    /// <summary>Prolongs it; false if it was lost, and with it perhaps what was filled in.</summary>
    internal Task<bool> TryKeepRefillAsync(TimeSpan life, CancellationToken cancellationToken) =>
        _server.LockRefillAsync(_owner, life, keep: true, cancellationToken);

    /// <summary>Marks Redis as complete up to <paramref name="rowNumber"/> if it still has that identity and the lock was never lost.</summary>
    internal Task<bool> TryMarkAsync(string identity, long rowNumber, CancellationToken cancellationToken) =>
        _server.MarkAsync(identity, rowNumber, _owner, cancellationToken);

    private async Task<RevocationAppend> AppendAsync(
        IReadOnlyCollection<RevocationEntry> entries, long? rowNumber, TimeSpan? maxCutOffLead, CancellationToken cancellationToken)
    {
        if (entries.Count is 0 or > MaxEntries)
            throw new ArgumentException($"1 to {MaxEntries} entries at a time.", nameof(entries));
        var append = await _server.AppendAsync(entries, rowNumber, maxCutOffLead, cancellationToken);
        return append with { Status = _register.Complete(append.Status) };
    }
}
