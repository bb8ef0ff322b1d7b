using RevocationProtocol;

namespace Libraries.Tests.RevocationProtocol.Model;

/// <summary>
/// The steps of the protocol in memory, by the rules of its scripts. It can lose what it holds as a Redis can: by a
/// crash, a restart with older data, a wipe.
/// </summary>
internal sealed class ModelRedis(ModelTime time)
{
    private int _lives;
    private int _registrations;

    public ModelData Data { get; private set; } = new();

    public string Identity { get; private set; } = "run0:repl0";

    public bool Running { get; private set; } = true;

    /// <summary>How far its clock is off.</summary>
    public long ClockOffsetMs { get; set; }

    /// <summary>Who hears what is published.</summary>
    public List<ModelConnection> Connections { get; } = [];

    public long TrueMs => time.TrueMs;

    public long NowMs => time.TrueMs + ClockOffsetMs;

    public bool Filled => Data.Marker is { } marker && marker.Identity == Identity;

    public void Kill() => Running = false;

    /// <summary>Starts another life with the data given.</summary>
    public void Start(ModelData data)
    {
        Data = data;
        Identity = $"run{++_lives}:repl{_lives}";
        Running = true;
    }

    /// <summary>FLUSHALL: the data goes, the identity stays.</summary>
    public void Flush() => Data = new ModelData();

    public RevocationPage ReadOn(RevocationQuestion question)
    {
        var registration = Identity;
        if (question.GatewayId.Length > 0)
        {
            registration = Data.Gateways.TryGetValue(question.GatewayId, out var known) && known.Registration.Split('/')[0] == Identity
                ? known.Registration
                : $"{Identity}/{++_registrations}";
            var applied = question.Registration == registration ? question.Applied : default;
            Data.Gateways[question.GatewayId] = new RegisteredGateway(question.GatewayId, NowMs, applied, registration, question.MaxStaleness);
            if (applied != default)
                Connections.ForEach(connection => connection.Publish(question.GatewayId, applied, registration));
        }
        var entries = Data.Stream.Where(entry => IsFrom(question.From, entry.Id)).Take(question.PageSize).ToList();
        return new RevocationPage(registration, Filled, NowMs, Data.Stream.Count > 0 ? Data.Stream[0].Id : null, Data.LastId, entries);
    }

    public RevocationAppend Append(IReadOnlyCollection<RevocationEntry> entries, long? rowNumber)
    {
        foreach (var entry in entries)
        {
            var now = (ulong)NowMs;
            Data.LastId = now > Data.LastId.Milliseconds ? new StreamId(now, 0) : Data.LastId with { Sequence = Data.LastId.Sequence + 1 };
            Data.Stream.Add((Data.LastId, entry));
        }
        if (rowNumber is { } number)
            RaiseMark(Identity, number);
        return new RevocationAppend(Data.LastId, Inspect() with { MarkedNumber = -1 });
    }

    public RevocationStatus Inspect()
    {
        foreach (var gateway in Data.Gateways.Values.Where(gateway => NowMs > gateway.HeartbeatMs + (long)gateway.MaxStaleness.TotalMilliseconds + 1000).ToList())
            Data.Gateways.Remove(gateway.Id);
        return new RevocationStatus(Identity, Filled, NowMs, Data.LastId, [.. Data.Gateways.Values], Filled ? Data.Marker!.Value.Number : -1);
    }

    public bool SignOff(string id)
    {
        if (!Data.Gateways.TryGetValue(id, out var gateway))
            return false;
        Data.Gateways[id] = gateway with { HeartbeatMs = NowMs, Applied = default, Registration = RegisteredGateway.SignedOff };
        return true;
    }

    public bool RaiseMark(string identity, long number)
    {
        if (!Filled || identity != Identity)
            return false;
        Data.Marker = (Identity, Math.Max(number, Data.Marker!.Value.Number));
        return true;
    }

    public bool LockRefill(string owner, TimeSpan life, bool keep)
    {
        var held = Data.RefillLock is { } held0 && held0.UntilMs > NowMs ? held0.Owner : null;
        if ((held is not null && held != owner) || (held is null && keep))
            return false;
        Data.RefillLock = (owner, NowMs + (long)life.TotalMilliseconds);
        return true;
    }

    public bool Mark(string identity, long number, string owner)
    {
        if (identity != Identity || Data.RefillLock is not { } held || held.Owner != owner || held.UntilMs <= NowMs)
            return false;
        Data.Marker = (Identity, number);
        Data.RefillLock = null;
        return true;
    }

    public void Trim(long askerNowMs)
    {
        var now = Math.Min(NowMs, askerNowMs);
        while (Data.Stream.Count > 0 && Data.Stream[0].Entry!.ExpiresMs <= now)
            Data.Stream.RemoveAt(0);
    }

    private static bool IsFrom(string from, StreamId id) => from switch
    {
        "-" => true,
        ['(', .. var after] => id > StreamId.Parse(after),
        _ => id >= StreamId.Parse(from),
    };
}

/// <summary>What a Redis holds, and a backup of it.</summary>
internal sealed class ModelData
{
    public List<(StreamId Id, RevocationEntry? Entry)> Stream { get; private init; } = [];

    public Dictionary<string, RegisteredGateway> Gateways { get; private init; } = [];

    public StreamId LastId { get; set; }

    public (string Identity, long Number)? Marker { get; set; }

    public (string Owner, long UntilMs)? RefillLock { get; set; }

    public ModelData Copy() => new() { Stream = [.. Stream], Gateways = new(Gateways), LastId = LastId, Marker = Marker, RefillLock = RefillLock };
}

/// <summary>True time, and the clock of one process: its wall clock can be off, its timestamps cannot.</summary>
internal sealed class ModelTime : TimeProvider
{
    private readonly ModelTime? _truth;
    private long _trueMs;

    public ModelTime(ModelTime? truth = null) => (_truth, _trueMs) = (truth, 1_767_225_600_000);

    public long TrueMs => _truth?.TrueMs ?? _trueMs;

    public long OffsetMs { get; set; }

    public override long TimestampFrequency => 1000;

    public void Advance(long ms) => _trueMs += ms;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(TrueMs + OffsetMs);

    public override long GetTimestamp() => TrueMs;
}
