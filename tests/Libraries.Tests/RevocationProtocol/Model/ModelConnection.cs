using RevocationProtocol;

namespace Libraries.Tests.RevocationProtocol.Model;

/// <summary>
/// One process's way to the model's Redis. A question may get lost, its answer may get lost, or the answer is held until
/// the history delivers it or lets it time out. Continuations run inside that delivery, so that a seed is a history.
/// </summary>
internal sealed class ModelConnection : IRevocationServer
{
    private readonly ModelRedis _redis;
    private readonly Random _random;
    private readonly List<Action<bool>> _held = [];
    private readonly List<(string Gateway, StreamId Applied, string Registration)> _pushes = [];
    private Action<string, StreamId, string>? _acknowledged;

    public ModelConnection(ModelRedis redis, Random random)
    {
        (_redis, _random) = (redis, random);
        redis.Connections.Add(this);
    }

    /// <summary>Cut off from Redis.</summary>
    public bool Cut { get; set; }

    public bool HasHeld => _held.Count > 0;

    /// <summary>Gateways that this process was told of by Redis, and as of when.</summary>
    public Dictionary<string, long> Told { get; } = [];

    /// <summary>Delivers the oldest held answer, or lets its question time out.</summary>
    public void Release(bool deliver)
    {
        var release = _held[0];
        _held.RemoveAt(0);
        release(deliver);
    }

    public void Publish(string gateway, StreamId applied, string registration)
    {
        if (!Cut && _acknowledged is not null)
            _pushes.Add((gateway, applied, registration));
    }

    /// <summary>Delivers any of the pushes under way, whichever their order, or drops it.</summary>
    public void DeliverPush()
    {
        if (_pushes.Count == 0)
            return;
        var i = _random.Next(_pushes.Count);
        var (gateway, applied, registration) = _pushes[i];
        _pushes.RemoveAt(i);
        if (_random.Next(5) > 0)
            _acknowledged!(gateway, applied, registration);
    }

    public Task<RevocationPage> ReadOnAsync(RevocationQuestion question, TimeSpan timeout, CancellationToken cancellationToken) => RunAsync(() => _redis.ReadOn(question));

    public Task<RevocationAppend> AppendAsync(
        IReadOnlyCollection<RevocationEntry> entries, long? rowNumber, TimeSpan? maxCutOffLead, CancellationToken cancellationToken) =>
        RunAsync(() => _redis.Append(entries, rowNumber), (append, atMs) => Note(append.Status, atMs));

    public Task<RevocationStatus> InspectAsync(CancellationToken cancellationToken) => RunAsync(_redis.Inspect, Note);

    public Task<bool> RaiseMarkAsync(string identity, long rowNumber, CancellationToken cancellationToken) => RunAsync(() => _redis.RaiseMark(identity, rowNumber));

    public Task<bool> LockRefillAsync(string owner, TimeSpan life, bool keep, CancellationToken cancellationToken) => RunAsync(() => _redis.LockRefill(owner, life, keep));

    public Task<bool> MarkAsync(string identity, long rowNumber, string owner, CancellationToken cancellationToken) => RunAsync(() => _redis.Mark(identity, rowNumber, owner));

    public Task SignOffAsync(string gatewayId, CancellationToken cancellationToken) => RunAsync(() => _redis.SignOff(gatewayId));

    public Task SubscribeToStreamAsync(Action readOn, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task SubscribeToAcknowledgementsAsync(Action<string, StreamId, string> acknowledged, CancellationToken cancellationToken)
    {
        _acknowledged = acknowledged;
        return Task.CompletedTask;
    }

    private void Note(RevocationStatus status, long atMs)
    {
        foreach (var gateway in status.Gateways)
            Told[gateway.Id] = Math.Max(atMs, Told.GetValueOrDefault(gateway.Id));
    }

    private Task<T> RunAsync<T>(Func<T> step, Action<T, long>? hear = null)
    {
        var fate = _random.Next(100);
        if (Cut || !_redis.Running || fate < 4)
            return Task.FromException<T>(new RedisUnavailableException("lost question"));
        var answer = step();
        var atMs = _redis.TrueMs;
        if (fate < 8)
            return Task.FromException<T>(new RedisUnavailableException("lost answer"));
        if (fate < 70)
        {
            hear?.Invoke(answer, atMs);
            return Task.FromResult(answer);
        }
        var held = new TaskCompletionSource<T>();
        _held.Add(deliver =>
        {
            if (!deliver)
            {
                held.SetException(new RedisUnavailableException("late answer"));
                return;
            }
            hear?.Invoke(answer, atMs);
            held.SetResult(answer);
        });
        return held.Task;
    }
}
