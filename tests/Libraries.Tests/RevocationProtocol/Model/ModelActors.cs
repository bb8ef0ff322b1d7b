using Microsoft.Extensions.Logging.Abstractions;
using RevocationProtocol;

namespace Libraries.Tests.RevocationProtocol.Model;

/// <summary>A gateway process: the real reader and replica, stepped by the history as its loop would step them.</summary>
internal sealed class ModelGateway : IDisposable
{
    private readonly RevocationReader _reader;
    private readonly ModelTime _truth;
    private Task _step = Task.CompletedTask;
    private long _stepSentMs;
    private long _attemptMs;
    private long _activeMs;
    private long _interruptedMs;

    public ModelGateway(string id, ModelRedis redis, ModelTime truth, TimeSpan maxStaleness, Random random)
    {
        Id = id;
        _truth = truth;
        Time = new ModelTime(truth);
        Connection = new ModelConnection(redis, random);
        Replica = new RevocationReplica(maxStaleness, Time);
        _reader = new RevocationReader(Connection, Replica, id, NullLogger<RevocationReader>.Instance, Time);
    }

    public string Id { get; }

    public ModelTime Time { get; }

    public ModelConnection Connection { get; }

    public RevocationReplica Replica { get; }

    /// <summary>SIGSTOP: it neither asks, nor hears, nor serves.</summary>
    public bool Paused { get; private set; }

    /// <summary>When the question left by whose answer a complete Redis was last read to its end.</summary>
    public long? ProvenMs { get; private set; }

    /// <summary>Whether it has been running and reading in time since it was last proven.</summary>
    public bool IsReadingInTime => ProvenMs is { } proven && _interruptedMs <= proven && _truth.TrueMs - _activeMs <= (_step.IsCompleted ? 520 : 870);

    public void Pause() => Paused = true;

    public void Resume()
    {
        Paused = false;
        _interruptedMs = _truth.TrueMs;
    }

    /// <summary>Reads if that is due, or if a push came in.</summary>
    public void Run(bool pushed)
    {
        if (Paused)
            return;
        if (!_step.IsCompleted)
        {
            // The reader's own timeout.
            if (_truth.TrueMs - _stepSentMs >= 800 && Connection.HasHeld)
                Release(deliver: false);
            return;
        }
        if (!pushed && _truth.TrueMs - _attemptMs < 450)
            return;
        _attemptMs = _stepSentMs = _activeMs = _truth.TrueMs;
        _step = StepAsync(!pushed);
    }

    public void DeliverAnswer()
    {
        if (Paused || !Connection.HasHeld)
            return;
        Release(deliver: true);
    }

    public void SignOff() => _ = _reader.SignOffAsync(CancellationToken.None);

    public void Dispose() => _reader.Dispose();

    private void Release(bool deliver)
    {
        _stepSentMs = _activeMs = _truth.TrueMs;
        Connection.Release(deliver);
    }

    private async Task StepAsync(bool overlap)
    {
        var beganMs = _truth.TrueMs;
        // The last question of a step left at or after its start; the start is the cautious choice.
        if (await _reader.StepAsync(overlap, CancellationToken.None) == RevocationReader.ReadOutcome.Proven)
            ProvenMs = beganMs;
    }
}

/// <summary>An auth-service process: the real writer, tracker and refill over the database all share.</summary>
internal sealed class ModelAuthService
{
    public ModelAuthService(ModelRedis redis, ModelTime truth, ModelDatabase database, Random random)
    {
        Connection = new ModelConnection(redis, random);
        Writer = new RevocationWriter(Connection, new ModelTime(truth));
        Tracker = new AcknowledgementTracker(Writer, NullLogger<AcknowledgementTracker>.Instance, new ModelTime(truth));
        _ = Tracker.SubscribeAsync(CancellationToken.None);
        Database = database;
        Refill = new RevocationRefill(Writer, database);
    }

    public ModelConnection Connection { get; }

    public RevocationWriter Writer { get; }

    public AcknowledgementTracker Tracker { get; }

    public ModelDatabase Database { get; }

    public RevocationRefill Refill { get; }

    /// <summary>What it is doing; a crash leaves it undone.</summary>
    public List<Task> Doing { get; } = [];

    /// <summary>The watch of the auth-service: is Redis complete, is anything unpublished?</summary>
    public async Task WatchAsync()
    {
        try
        {
            var status = await Writer.InspectAsync(CancellationToken.None);
            if (!status.Filled || status.MarkedNumber < await Database.ReadPublishedNumberAsync(CancellationToken.None))
            {
                await Refill.RunAsync(status.Identity, CancellationToken.None);
                return;
            }
            foreach (var row in Database.Rows.Where(row => row.PublishedMs is null).ToList())
            {
                var append = await Writer.AppendRowsAsync([row.Revocation.Entry], row.Number, CancellationToken.None);
                if (append.Status.Filled)
                    row.MarkPublished();
            }
        }
        catch (RedisUnavailableException)
        {
            // Again at the next watch.
        }
    }
}

/// <summary>The rows; it never loses one.</summary>
internal sealed class ModelDatabase(ModelTime truth) : IRevocationRows
{
    private long _numbers;

    public List<ModelRow> Rows { get; } = [];

    public ModelRow Insert(ModelRevocation revocation)
    {
        var row = new ModelRow(++_numbers, revocation, truth);
        revocation.Row = row;
        Rows.Add(row);
        return row;
    }

    public Task<IReadOnlyList<(long Number, RevocationEntry Entry)>> ReadLiveAsync(long after, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<(long, RevocationEntry)>>(
            [.. Rows.Where(row => row.Number > after && row.Revocation.Entry.ExpiresMs > truth.TrueMs).Take(3).Select(row => (row.Number, row.Revocation.Entry))]);

    public Task<long> ReadPublishedNumberAsync(CancellationToken cancellationToken) =>
        Task.FromResult(Rows.Where(row => row.PublishedMs <= truth.TrueMs - 5000).Select(row => row.Number).LastOrDefault());
}

internal sealed class ModelRow(long number, ModelRevocation revocation, ModelTime truth)
{
    public long Number => number;

    public ModelRevocation Revocation => revocation;

    public long? PublishedMs { get; private set; }

    public void MarkPublished() => PublishedMs ??= truth.TrueMs;
}

/// <summary>A revocation as the reference sees it.</summary>
internal sealed class ModelRevocation(RevocationEntry entry)
{
    public RevocationEntry Entry => entry;

    public ModelRow? Row { get; set; }

    /// <summary>Gateways that an answer counted.</summary>
    public HashSet<string> AcknowledgedBy { get; } = [];

    public bool Covers(RevocableToken token, string jti, string sub) => entry.Kind switch
    {
        RevocationKind.Jti => entry.Id == jti,
        RevocationKind.Sid => entry.Id == token.SessionId,
        RevocationKind.Sub => entry.Id == sub && token.IssueTimeMs <= entry.CutOffMs && entry.ExceptSid != token.SessionId,
        _ => throw new ArgumentOutOfRangeException(nameof(token)),
    };
}
