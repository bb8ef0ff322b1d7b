using System.Globalization;
using StackExchange.Redis;

namespace RevocationProtocol;

/// <summary>One gateway in the registry.</summary>
/// <param name="Id">Its name.</param>
/// <param name="HeartbeatMs">Redis time (Unix ms) of its last read.</param>
/// <param name="Applied">Up to where it has applied the stream.</param>
/// <param name="Identity">Of the Redis it applied that from.</param>
public sealed record RegisteredGateway(string Id, long HeartbeatMs, StreamId Applied, string Identity);

/// <summary>What Redis says of itself and of the gateways.</summary>
/// <param name="Identity"><c>run_id:master_replid</c>.</param>
/// <param name="Filled">Whether its marker says, under this identity, that it holds all revocations.</param>
/// <param name="NowMs">Its clock, Unix ms.</param>
/// <param name="Last">Id of the last entry of the stream.</param>
/// <param name="Gateways">Every gateway that may still serve requests.</param>
/// <param name="MarkedNumber">The row number of the marker; -1 where it was not asked for or is not of this identity.</param>
public sealed record RevocationStatus(
    string Identity, bool Filled, long NowMs, StreamId Last, IReadOnlyList<RegisteredGateway> Gateways, long MarkedNumber);

/// <summary>The stored revocations of one append.</summary>
/// <param name="Position">Id of the last entry.</param>
/// <param name="Status">The registry in the very moment of the append.</param>
public sealed record RevocationAppend(StreamId Position, RevocationStatus Status);

/// <summary>Writes revocations to the stream, and keeps stream and marker in order. Used by the auth-service only.</summary>
/// <param name="redis">Connection to the Redis of the revocations.</param>
/// <param name="keys">Its keys.</param>
public sealed class RevocationWriter(RedisConnection redis, RevocationKeys keys)
{
    /// <summary>A cut-off further ahead of Redis's clock than this is refused: 60 s.</summary>
    public static readonly TimeSpan MaxCutOffLead = TimeSpan.FromSeconds(60);

    /// <summary>Most entries of one append.</summary>
    public const int MaxEntries = 500;

    private readonly string _owner = Guid.NewGuid().ToString("N");

    /// <summary>Appends entries and pushes them to every gateway; safe to repeat.</summary>
    /// <param name="entries">At least one, at most <see cref="MaxEntries"/>.</param>
    /// <param name="rowNumber">Highest number among the database rows behind them; null when none has one yet.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="RedisUnavailableException">Not known to be stored.</exception>
    /// <exception cref="ArgumentException">A cut-off lies further ahead of Redis's clock than <see cref="MaxCutOffLead"/>.</exception>
    public async Task<RevocationAppend> AppendAsync(IReadOnlyCollection<RevocationEntry> entries, long? rowNumber, CancellationToken cancellationToken)
    {
        if (entries.Count is 0 or > MaxEntries)
            throw new ArgumentException($"1 to {MaxEntries} entries at a time.", nameof(entries));
        var arguments = new List<RedisValue>(2 + (entries.Count * RevocationCodec.ValuesPerEntry))
        {
            rowNumber?.ToString(CultureInfo.InvariantCulture) ?? "",
            (long)MaxCutOffLead.TotalMilliseconds,
        };
        foreach (var entry in entries)
            RevocationCodec.Append(arguments, entry);
        RedisResult[] answer;
        try
        {
            answer = (RedisResult[])(await redis.EvaluateAsync(RevocationScripts.Append, keys.All, [.. arguments], cancellationToken))!;
        }
        catch (RedisServerException e) when (e.Message.StartsWith("CUTOFF", StringComparison.Ordinal))
        {
            throw new ArgumentException($"A cut-off lies more than {MaxCutOffLead.TotalSeconds} s in the future. {e.Message}", nameof(entries), e);
        }
        return new RevocationAppend(StreamId.Parse((string)answer[3]!), Status(answer, marker: ""));
    }

    /// <summary>Asks for Redis's identity, marker, clock and gateways.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="RedisUnavailableException">No answer.</exception>
    public async Task<RevocationStatus> InspectAsync(CancellationToken cancellationToken)
    {
        var answer = (RedisResult[])(await redis.EvaluateAsync(RevocationScripts.Inspect, keys.All, [], cancellationToken))!;
        return Status(answer, (string?)answer[5] ?? "");
    }

    /// <summary>Takes or prolongs the right to refill, so that replicas do not all do it; losing it costs only double entries.</summary>
    /// <param name="life">For how long.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async Task<bool> TryLockRefillAsync(TimeSpan life, CancellationToken cancellationToken) =>
        (long)await redis.EvaluateAsync(RevocationScripts.LockRefill, KeysWithLock(), [_owner, (long)life.TotalMilliseconds], cancellationToken) == 1;

    /// <summary>Marks Redis as complete up to <paramref name="rowNumber"/> if it still has that identity.</summary>
    /// <param name="identity">Of the Redis that was filled.</param>
    /// <param name="rowNumber">Highest row that was filled in; 0 when there is none.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async Task<bool> TryMarkAsync(string identity, long rowNumber, CancellationToken cancellationToken) =>
        (long)await redis.EvaluateAsync(RevocationScripts.Mark, KeysWithLock(), [identity, rowNumber], cancellationToken) == 1;

    /// <summary>Raises the row number of the marker if it is valid and of that identity.</summary>
    /// <param name="identity">Of the Redis that has the entries.</param>
    /// <param name="rowNumber">Highest row whose entry it has.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async Task<bool> TryRaiseMarkAsync(string identity, long rowNumber, CancellationToken cancellationToken) =>
        (long)await redis.EvaluateAsync(RevocationScripts.Raise, keys.All, [identity, rowNumber], cancellationToken) == 1;

    /// <summary>Removes expired entries from the head of the stream. Answers how many went; ask again while it is many.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public async Task<int> TrimAsync(CancellationToken cancellationToken) =>
        (int)await redis.EvaluateAsync(RevocationScripts.Trim, keys.All, [1000], cancellationToken);

    private RedisKey[] KeysWithLock() => [.. keys.All, keys.RefillLock];

    private static RevocationStatus Status(RedisResult[] answer, string marker)
    {
        var fields = (RedisResult[])answer[4]!;
        var gateways = new List<RegisteredGateway>(fields.Length / 2);
        for (var i = 0; i + 1 < fields.Length; i += 2)
        {
            if (((string)fields[i + 1]!).Split(' ') is [var heartbeat, _, var applied, var identity])
                gateways.Add(new RegisteredGateway((string)fields[i]!, long.Parse(heartbeat, CultureInfo.InvariantCulture), StreamId.Parse(applied), identity));
        }
        var filled = (long)answer[1] == 1;
        var number = filled && marker.Length > 0 ? long.Parse(marker.AsSpan(marker.LastIndexOf(':') + 1), CultureInfo.InvariantCulture) : -1;
        return new RevocationStatus(
            (string)answer[0]!,
            filled,
            long.Parse((string)answer[2]!, CultureInfo.InvariantCulture),
            StreamId.Parse((string)answer[3]!),
            gateways,
            number);
    }
}
