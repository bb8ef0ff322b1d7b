using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace RevocationProtocol;

/// <summary>
/// Keeps a <see cref="RevocationReplica"/> up to date: reads everything once, then on every push and every 500 ms what
/// came since. A push only says "read on"; entries are applied in stream order, and only what has been applied is
/// acknowledged. When Redis turns out to be another one (restart, failover) everything is read again and merged.
/// </summary>
public sealed partial class RevocationReader : IDisposable
{
    private const int PageSize = 1000;

    // Ids of a promoted replica may lie a little behind those already seen.
    private const long OverlapMs = 5000;

    // Below the replica's lateness, so that a Redis that does not answer is not taken for a process that did not run.
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromMilliseconds(800);

    private static readonly TimeSpan LoadInterval = TimeSpan.FromMilliseconds(100);

    private readonly IRevocationServer _server;
    private readonly RevocationReplica _replica;
    private readonly string _gatewayId;
    private readonly ILogger<RevocationReader> _logger;
    private readonly TimeProvider _time;
    private readonly Wakeup _pushes;
    private readonly Meter _meter = new("RevocationProtocol");
    private readonly Histogram<double> _propagation;
    private readonly Counter<long> _reads;
    private readonly Counter<long> _fullReads;
    private readonly Counter<long> _skipped;

    private string _registration = "";
    private StreamId _applied;
    private long _redisNowMs;
    private bool _complete;
    private string? _lastFailure;

    /// <summary>Creates the reader; nothing is read before <see cref="RunAsync"/>.</summary>
    /// <param name="redis">Connection to the Redis of the revocations.</param>
    /// <param name="keys">Its keys.</param>
    /// <param name="replica">The replica to keep; no one else may write to it in stream order.</param>
    /// <param name="gatewayId">Name in the registry of gateways whose acknowledgement is waited for; null for a reader that only reads.</param>
    /// <param name="logger">Log.</param>
    /// <param name="time">Clock.</param>
    public RevocationReader(
        RedisConnection redis, RevocationKeys keys, RevocationReplica replica, string? gatewayId, ILogger<RevocationReader> logger, TimeProvider time)
        : this(new RedisRevocationServer(redis, keys), replica, gatewayId, logger, time)
    {
    }

    internal RevocationReader(
        IRevocationServer server, RevocationReplica replica, string? gatewayId, ILogger<RevocationReader> logger, TimeProvider time)
    {
        _server = server;
        _replica = replica;
        _gatewayId = gatewayId ?? "";
        _logger = logger;
        _time = time;
        _pushes = new Wakeup(time);
        _propagation = _meter.CreateHistogram<double>("revocation.propagation", "ms", "From the append in Redis to the effect in this process.");
        _reads = _meter.CreateCounter<long>("revocation.reads", "{read}", "Questions to the revocation stream, by cause: a push, or the gap read of every 500 ms.");
        _fullReads = _meter.CreateCounter<long>("revocation.full_reads", "{read}", "Reads of the whole stream: start, another Redis, or a trimmed gap.");
        _skipped = _meter.CreateCounter<long>("revocation.skipped", "{entry}", "Entries of a version or kind unknown to this process.");
        _meter.CreateObservableGauge("revocation.entries", () => Entries(replica), "{entry}", "Live revocations by kind.");
        _meter.CreateObservableGauge("revocation.age", () => replica.Age?.TotalSeconds ?? -1, "s", "Time since the last proof of contact; -1 before the first.");
    }

    /// <summary>Redis turned out to be another one, or was wiped: whatever else was kept in it may be gone. Must not block.</summary>
    public event Action? RedisChanged;

    /// <summary>Why the replica is not complete yet, or null.</summary>
    public string? NotReadyReason => _replica.IsLoaded ? null : _lastFailure ?? "Revocations are being loaded.";

    /// <summary>Reads until cancelled. Failures are logged once per outage and retried at the next interval.</summary>
    /// <param name="stoppingToken">Ends the loop.</param>
    public async Task RunAsync(CancellationToken stoppingToken)
    {
        var subscribed = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            var began = _time.GetTimestamp();
            subscribed = subscribed || await StepAsync(SubscribeAsync, stoppingToken) != ReadOutcome.Failed;
            var read = await StepAsync(overlap: true, stoppingToken);
            // Pushes are served as they come until the next interval.
            while (read != ReadOutcome.Failed && _replica.IsLoaded && await _pushes.WaitAsync(RevocationReplica.ReadInterval - _time.GetElapsedTime(began), stoppingToken))
                read = await StepAsync(overlap: false, stoppingToken);
            await DelayAsync((_replica.IsLoaded ? RevocationReplica.ReadInterval : LoadInterval) - _time.GetElapsedTime(began), stoppingToken);
        }
    }

    /// <summary>Reads to the end of the stream once.</summary>
    internal Task<ReadOutcome> StepAsync(bool overlap, CancellationToken stoppingToken) => StepAsync(token => ReadAsync(overlap, token), stoppingToken);

    /// <summary>Takes this gateway off the registry: it serves no more requests, nobody needs to wait for it.</summary>
    /// <param name="cancellationToken">Gives up; the registry then forgets it by its staleness rule.</param>
    public async Task SignOffAsync(CancellationToken cancellationToken)
    {
        if (_gatewayId.Length > 0)
            await _server.SignOffAsync(_gatewayId, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private async Task<ReadOutcome> StepAsync(Func<CancellationToken, Task<ReadOutcome>> step, CancellationToken stoppingToken)
    {
        try
        {
            return await step(stoppingToken);
        }
        catch (OperationCanceledException)
        {
            return ReadOutcome.Failed;
        }
        catch (Exception e)
        {
            return WithoutProof(ReadOutcome.Failed, e.Message);
        }
    }

    private ReadOutcome WithoutProof(ReadOutcome outcome, string reason)
    {
        _replica.ReadWithoutProof();
        if (_lastFailure != reason)
            Log.ReadFailed(_logger, reason);
        _lastFailure = reason;
        return outcome;
    }

    private async Task<ReadOutcome> SubscribeAsync(CancellationToken cancellationToken)
    {
        await _server.SubscribeToStreamAsync(_pushes.Call, cancellationToken);
        return ReadOutcome.Incomplete;
    }

    private static IEnumerable<Measurement<int>> Entries(RevocationReplica replica) => Enum.GetValues<RevocationKind>().Select(
        kind => new Measurement<int>(replica.CountOf(kind), new KeyValuePair<string, object?>("kind", RevocationCodec.KindText(kind))));

    /// <summary>Reads to the end of the stream as it was when the last question was sent, and acknowledges it.</summary>
    private async Task<ReadOutcome> ReadAsync(bool overlap, CancellationToken cancellationToken)
    {
        var from = !_complete ? "-"
            : overlap ? GapStart()
            : $"({_applied}";
        var position = new StreamId();
        while (true)
        {
            var sentAt = _time.GetTimestamp();
            var page = await AskAsync(from, cancellationToken);
            _redisNowMs = page.NowMs;
            _reads.Add(1, new KeyValuePair<string, object?>("cause", overlap ? "gap" : "push"));
            // Another Redis, one whose data was wiped, or a stream trimmed past what was applied.
            var restarted = page.Registration != _registration || page.Last < _applied;
            if (from != "-" && (restarted || (position == default && page.First > _applied && page.Last > _applied)))
            {
                _complete = false;
                from = "-";
                position = default;
                continue;
            }
            if (from == "-")
            {
                _fullReads.Add(1);
                if (_registration.Length > 0 && page.Registration != _registration)
                {
                    Log.IdentityChanged(_logger, page.Entries.Count);
                    RedisChanged?.Invoke();
                }
                _registration = page.Registration;
                _applied = default;
            }

            Apply(page);
            if (page.Entries.Count > 0)
                position = page.Entries[^1].Id;
            if (page.Entries.Count == PageSize)
            {
                // Reading on takes as long as it takes; meanwhile what is known serves.
                _replica.ReadWithoutProof();
                from = $"({position}";
                continue;
            }

            // The end of the stream at sentAt. Everything up to it is applied: say so, and take what came meanwhile.
            var advanced = position > _applied || !_complete;
            if (position > _applied)
                _applied = position;
            _complete = true;
            if (page.Filled)
            {
                _replica.Prove(sentAt);
                _replica.Sweep(page.NowMs);
                _lastFailure = null;
            }
            if (!advanced || _gatewayId.Length == 0)
                return page.Filled ? ReadOutcome.Proven : WithoutProof(ReadOutcome.Incomplete, "Redis does not hold all revocations yet; an auth-service refills it.");
            from = $"({_applied}";
        }
    }

    /// <summary>
    /// Where a gap read begins: 5 s before now by Redis's clock. Measured from the newest entry instead, whatever came with
    /// it, a million after a refill, would be read again every 500 ms until another entry comes.
    /// </summary>
    private string GapStart()
    {
        var start = (ulong)Math.Max(0, _redisNowMs - OverlapMs);
        return start < _applied.Milliseconds ? $"{start}-0" : $"({_applied}";
    }

    private void Apply(RevocationPage page)
    {
        if (page.Entries.Count == 0)
            return;
        var entries = new List<RevocationEntry>(page.Entries.Count);
        foreach (var (id, entry) in page.Entries)
        {
            if (entry is null)
            {
                _skipped.Add(1);
                if (id > _applied)
                    Log.Skipped(_logger, id.ToString());
                continue;
            }
            entries.Add(entry);
            if (_complete && id > _applied)
                _propagation.Record(Math.Max(0, page.NowMs - (double)id.Milliseconds));
        }
        _replica.Apply(entries);
    }

    private Task<RevocationPage> AskAsync(string from, CancellationToken cancellationToken) =>
        _server.ReadOnAsync(
            new RevocationQuestion(_gatewayId, _replica.MaxStaleness, _registration, _complete ? _applied : default, from, PageSize), ReadTimeout, cancellationToken);

    private async Task DelayAsync(TimeSpan delay, CancellationToken stoppingToken)
    {
        if (delay > TimeSpan.Zero)
            await Task.Delay(delay, _time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>What came of a read.</summary>
    internal enum ReadOutcome
    {
        /// <summary>No answer.</summary>
        Failed,

        /// <summary>All that this Redis has is applied, but it does not hold all revocations.</summary>
        Incomplete,

        /// <summary>Every revocation is applied.</summary>
        Proven,
    }

    private static partial class Log
    {
        [LoggerMessage(3000, LogLevel.Warning, "Revocations cannot be read now; what is known is kept, and reading goes on: {Reason}")]
        public static partial void ReadFailed(ILogger logger, string reason);

        [LoggerMessage(3001, LogLevel.Warning, "Redis is another one than before (restart, failover) or was wiped: reading the whole revocation stream again, {Count} entries in its first page.")]
        public static partial void IdentityChanged(ILogger logger, int count);

        [LoggerMessage(3002, LogLevel.Warning, "Revocation stream entry {Id} is of a version or kind this process does not know; skipped. Update this process.")]
        public static partial void Skipped(ILogger logger, string id);
    }
}
