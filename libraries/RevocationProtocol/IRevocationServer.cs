namespace RevocationProtocol;

/// <summary>
/// The steps of the protocol that happen in Redis, each atomic. <see cref="RedisRevocationServer"/> runs them as scripts;
/// the model test runs the same rules in memory, where it can lose answers and turn clocks.
/// </summary>
internal interface IRevocationServer
{
    /// <summary>A reader's one question: registers, beats, acknowledges and reads.</summary>
    Task<RevocationPage> ReadOnAsync(RevocationQuestion question, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Appends entries, raises a valid marker, says "read on".</summary>
    Task<RevocationAppend> AppendAsync(IReadOnlyCollection<RevocationEntry> entries, long? rowNumber, TimeSpan? maxCutOffLead, CancellationToken cancellationToken);

    /// <summary>Identity, marker, clock, last id and registry.</summary>
    Task<RevocationStatus> InspectAsync(CancellationToken cancellationToken);

    /// <summary>Raises the row number of a valid marker of that identity.</summary>
    Task<bool> RaiseMarkAsync(string identity, long rowNumber, CancellationToken cancellationToken);

    /// <summary>Takes the refill lock; with <paramref name="keep"/> only prolongs it.</summary>
    Task<bool> LockRefillAsync(string owner, TimeSpan life, bool keep, CancellationToken cancellationToken);

    /// <summary>Marks the server of that identity as complete, if the lock is still the owner's.</summary>
    Task<bool> MarkAsync(string identity, long rowNumber, string owner, CancellationToken cancellationToken);

    /// <summary>Takes a gateway off the registry.</summary>
    Task SignOffAsync(string gatewayId, CancellationToken cancellationToken);

    /// <summary>Calls back whenever "read on" is said.</summary>
    Task SubscribeToStreamAsync(Action readOn, CancellationToken cancellationToken);

    /// <summary>Calls back with every acknowledgement: gateway, position, registration.</summary>
    Task SubscribeToAcknowledgementsAsync(Action<string, StreamId, string> acknowledged, CancellationToken cancellationToken);
}

/// <summary>What a reader says of itself and asks for.</summary>
/// <param name="GatewayId">Its name in the registry; empty for a reader that is no gateway.</param>
/// <param name="MaxStaleness">For how long it may serve after this question.</param>
/// <param name="Registration">Under which it has applied; empty at first.</param>
/// <param name="Applied">Up to where.</param>
/// <param name="From">Where to read from, in the form of XRANGE.</param>
/// <param name="PageSize">Most entries of the answer.</param>
internal sealed record RevocationQuestion(string GatewayId, TimeSpan MaxStaleness, string Registration, StreamId Applied, string From, int PageSize);

/// <summary>The answer.</summary>
/// <param name="Registration">Changes whenever the data does not go on where it was; of a reader that is no gateway the identity.</param>
/// <param name="Filled">Whether it holds every revocation.</param>
/// <param name="NowMs">Its clock, Unix ms.</param>
/// <param name="First">Oldest entry it holds.</param>
/// <param name="Last">Last id it ever gave.</param>
/// <param name="Entries">In order; null where this version cannot read one.</param>
internal sealed record RevocationPage(
    string Registration, bool Filled, long NowMs, StreamId? First, StreamId Last, IReadOnlyList<(StreamId Id, RevocationEntry? Entry)> Entries);
