using System.Diagnostics.Metrics;
using System.Globalization;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace RevocationProtocol;

/// <summary>
/// Keeps a <see cref="RevocationReplica"/> up to date: reads everything once, then on every push and every 500 ms what
/// came since. A push only says "read on"; entries are applied in stream order, and only what has been applied is
/// acknowledged. When Redis turns out to be another one (restart, failover) everything is read again and merged.
/// </summary>
public sealed partial class RevocationReader : IAsyncDisposable
{
    private const int PageSize = 1000;

    // Ids of a promoted replica may lie a little behind those already seen.
    private const ulong OverlapMs = 5000;

    // Below the replica's lateness, so that a Redis that does not answer is not taken for a process that did not run.
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromMilliseconds(800);

    private static readonly TimeSpan LoadInterval = TimeSpan.FromMilliseconds(100);

    private readonly RedisConnection _redis;
    private readonly RevocationKeys _keys;
    private readonly RevocationReplica _replica;
    private readonly RedisValue _gatewayId;
    private readonly ILogger<RevocationReader> _logger;
    private readonly TimeProvider _time;
    private readonly Channel<bool> _pushes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Meter _meter = new("RevocationProtocol");
    private readonly Histogram<double> _propagation;
    private readonly Counter<long> _reads;
    private readonly Counter<long> _fullReads;
    private readonly Counter<long> _skipped;

    private string _identity = "";
    private StreamId _applied;
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
    {
        _redis = redis;
        _keys = keys;
        _replica = replica;
        _gatewayId = gatewayId ?? "";
        _logger = logger;
        _time = time;
        _propagation = _meter.CreateHistogram<double>("revocation.propagation", "ms", "From the append in Redis to the effect in this process.");
        _reads = _meter.CreateCounter<long>("revocation.reads", "{read}", "Reads of the revocation stream.");
        _fullReads = _meter.CreateCounter<long>("revocation.full_reads", "{read}", "Reads of the whole stream: start, another Redis, or a trimmed gap.");
        _skipped = _meter.CreateCounter<long>("revocation.skipped", "{entry}", "Entries of a version or kind unknown to this process.");
        _meter.CreateObservableGauge("revocation.entries", () => Entries(replica), "{entry}", "Live revocations by form.");
        _meter.CreateObservableGauge("revocation.age", () => replica.Age?.TotalSeconds ?? -1, "s", "Time since the last proof of contact; -1 before the first.");
    }

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
            try
            {
                if (!subscribed)
                {
                    await _redis.SubscribeAsync(_keys.StreamChannel, _ => _pushes.Writer.TryWrite(true), stoppingToken);
                    subscribed = true;
                }
                await ReadAsync(overlap: true, stoppingToken);
                _replica.Sweep();
                // Pushes are served as they come until the next interval.
                while (_replica.IsLoaded && await WaitForPushAsync(began, stoppingToken))
                    await ReadAsync(overlap: false, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                _replica.ReadFailed();
                if (_lastFailure != e.Message)
                    Log.ReadFailed(_logger, e.Message);
                _lastFailure = e.Message;
            }
            await DelayAsync((_replica.IsLoaded ? RevocationReplica.ReadInterval : LoadInterval) - _time.GetElapsedTime(began), stoppingToken);
        }
    }

    /// <summary>Takes this gateway off the registry: it serves no more requests, nobody needs to wait for it.</summary>
    /// <param name="cancellationToken">Gives up; the registry then forgets it by its staleness rule.</param>
    public async Task SignOffAsync(CancellationToken cancellationToken)
    {
        if (!_gatewayId.IsNullOrEmpty)
            await _redis.EvaluateAsync(RevocationScripts.SignOff, _keys.All, [_gatewayId], cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _meter.Dispose();
        return ValueTask.CompletedTask;
    }

    private static IEnumerable<Measurement<int>> Entries(RevocationReplica replica)
    {
        var (exact, cutOffs) = replica.Counts;
        return [new(exact, new KeyValuePair<string, object?>("form", "exact")), new(cutOffs, new KeyValuePair<string, object?>("form", "cut_off"))];
    }

    /// <summary>Reads to the end of the stream as it was when the last question was sent, and acknowledges it.</summary>
    private async Task ReadAsync(bool overlap, CancellationToken cancellationToken)
    {
        var from = !_complete ? "-"
            : overlap ? $"{(_applied.Milliseconds > OverlapMs ? _applied.Milliseconds - OverlapMs : 0)}-0"
            : $"({_applied}";
        var position = new StreamId();
        while (true)
        {
            var sentAt = _time.GetTimestamp();
            var page = await AskAsync(from, cancellationToken);
            _reads.Add(1);
            var trimmedPastUs = page.First is { } first && first > _applied;
            if (from != "-" && position == default && (page.Identity != _identity || page.Last < _applied || (trimmedPastUs && page.Last > _applied)))
            {
                _complete = false;
                from = "-";
                continue;
            }
            if (from == "-")
            {
                _fullReads.Add(1);
                if (_identity.Length > 0 && page.Identity != _identity)
                    Log.IdentityChanged(_logger, page.Entries.Count);
                _identity = page.Identity;
                _applied = default;
            }
            else if (page.Identity != _identity)
            {
                // It changed between two pages.
                _complete = false;
                from = "-";
                position = default;
                continue;
            }

            Apply(page);
            if (page.Entries.Count > 0)
                position = page.Entries[^1].Id;
            if (page.Entries.Count == PageSize)
            {
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
                _lastFailure = null;
            }
            else
            {
                throw new RedisUnavailableException("Redis does not hold all revocations yet; an auth-service refills it.");
            }
            if (!advanced || _gatewayId.IsNullOrEmpty)
                return;
            from = $"({_applied}";
        }
    }

    private void Apply(Page page)
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
                _propagation.Record(Math.Max(0, (double)page.NowMs - id.Milliseconds));
        }
        _replica.Apply(entries);
    }

    private async Task<Page> AskAsync(string from, CancellationToken cancellationToken)
    {
        var applied = _complete ? _applied : default;
        var answer = (RedisResult[])(await _redis.EvaluateAsync(
            RevocationScripts.ReadOn,
            _keys.All,
            [_gatewayId, (long)_replica.MaxStaleness.TotalMilliseconds, _identity, applied.ToString(), from, PageSize],
            ReadTimeout,
            cancellationToken))!;
        var first = (string?)answer[3];
        var rows = (RedisResult[])answer[5]!;
        var entries = new List<(StreamId, RevocationEntry?)>(rows.Length);
        foreach (var row in rows)
        {
            var parts = (RedisResult[])row!;
            entries.Add((StreamId.Parse((string)parts[0]!), RevocationCodec.Read((RedisResult[])parts[1]!)));
        }
        return new Page(
            (string)answer[0]!,
            (long)answer[1] == 1,
            ulong.Parse((string)answer[2]!, CultureInfo.InvariantCulture),
            string.IsNullOrEmpty(first) ? null : StreamId.Parse(first),
            StreamId.Parse((string)answer[4]!),
            entries);
    }

    private async Task<bool> WaitForPushAsync(long began, CancellationToken stoppingToken)
    {
        var left = RevocationReplica.ReadInterval - _time.GetElapsedTime(began);
        if (left <= TimeSpan.Zero)
            return false;
        using var timeout = new CancellationTokenSource(left, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, stoppingToken);
        try
        {
            return await _pushes.Reader.ReadAsync(linked.Token);
        }
        catch (OperationCanceledException) when (!stoppingToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task DelayAsync(TimeSpan delay, CancellationToken stoppingToken)
    {
        if (delay > TimeSpan.Zero)
            await Task.Delay(delay, _time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private sealed record Page(
        string Identity, bool Filled, ulong NowMs, StreamId? First, StreamId Last, List<(StreamId Id, RevocationEntry? Entry)> Entries);

    private static partial class Log
    {
        [LoggerMessage(3000, LogLevel.Warning, "Revocations cannot be read now; what is known is kept, and reading goes on: {Reason}")]
        public static partial void ReadFailed(ILogger logger, string reason);

        [LoggerMessage(3001, LogLevel.Warning, "Redis is another one than before (restart or failover): reading the whole revocation stream again, {Count} entries in its first page.")]
        public static partial void IdentityChanged(ILogger logger, int count);

        [LoggerMessage(3002, LogLevel.Warning, "Revocation stream entry {Id} is of a version or kind this process does not know; skipped. Update this process.")]
        public static partial void Skipped(ILogger logger, string id);
    }
}
