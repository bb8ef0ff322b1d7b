using System.Collections.Concurrent;
using System.Threading.RateLimiting;

namespace Gateway.RateLimiting;

/// <summary>
/// The counts of one <see cref="RateLimitDefinition"/>: a limiter of the framework for each partition. The framework's own
/// partitioned limiter has no bound on the number of partitions, and whoever owns a network has many addresses.
/// </summary>
internal sealed class RateLimit : IDisposable
{
    private const int Segments = 8;

    private static readonly TimeSpan IdleSweep = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan QueueSweep = TimeSpan.FromMilliseconds(100);

    private readonly RateLimitDefinition _definition;
    private readonly ConcurrentDictionary<string, RateLimiter> _limiters = new(StringComparer.Ordinal);
    private readonly RateLimiter _others;
    private readonly ITimer _sweeper;
    private int _count;

    public RateLimit(RateLimitDefinition definition, TimeProvider time)
    {
        _definition = definition;
        _others = NewLimiter();
        var interval = definition.QueueLimit > 0 ? QueueSweep
            : definition.Algorithm == RateLimitAlgorithm.SlidingWindow ? definition.Window / Segments
            : IdleSweep;
        _sweeper = time.CreateTimer(_ => Sweep(), null, interval, interval);
    }

    public RateLimitDefinition Definition => _definition;

    /// <summary>How many partitions are told apart now.</summary>
    public int Partitions => Volatile.Read(ref _count);

    /// <summary>Asks for one permit, waiting for it where the definition lets one wait. Dispose the lease with the request.</summary>
    public ValueTask<RateLimitLease> AcquireAsync(string partition, CancellationToken cancellationToken)
    {
        var limiter = Find(partition);
        // Windows are looked at when somebody comes, so that nothing runs for those who do not.
        if (limiter is FixedWindowRateLimiter or TokenBucketRateLimiter) ((ReplenishingRateLimiter)limiter).TryReplenish();
        return limiter.AcquireAsync(1, cancellationToken);
    }

    /// <summary>When to come again, for a lease that was refused; at least a second.</summary>
    public TimeSpan RetryAfter(RateLimitLease refused)
    {
        var wait = refused.TryGetMetadata(MetadataName.RetryAfter, out var known) ? known : _definition.Window / Segments;
        return wait < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : wait;
    }

    /// <summary>Limiters in use stay usable, and are gone with their last request.</summary>
    public void Dispose() => _sweeper.Dispose();

    private RateLimiter Find(string partition)
    {
        if (_limiters.TryGetValue(partition, out var limiter)) return limiter;
        if (Interlocked.Increment(ref _count) > _definition.MaxPartitions)
        {
            Interlocked.Decrement(ref _count);
            return _others;
        }

        limiter = NewLimiter();
        var kept = _limiters.GetOrAdd(partition, limiter);
        if (!ReferenceEquals(kept, limiter)) Interlocked.Decrement(ref _count);
        return kept;
    }

    /// <summary>Moves windows on, lets those that wait pass, and forgets who has every permit back.</summary>
    private void Sweep()
    {
        (_others as ReplenishingRateLimiter)?.TryReplenish();
        foreach (var entry in _limiters)
        {
            (entry.Value as ReplenishingRateLimiter)?.TryReplenish();
            // Not disposed: a request may just have found it, and it holds nothing.
            if (entry.Value.IdleDuration > IdleSweep && _limiters.TryRemove(entry)) Interlocked.Decrement(ref _count);
        }
    }

    private RateLimiter NewLimiter()
    {
        var (permits, window, queue) = (_definition.PermitLimit, _definition.Window, _definition.QueueLimit);
        switch (_definition.Algorithm)
        {
            case RateLimitAlgorithm.FixedWindow:
                return new FixedWindowRateLimiter(new() { PermitLimit = permits, Window = window, QueueLimit = queue, AutoReplenishment = false });
            case RateLimitAlgorithm.SlidingWindow:
                return new SlidingWindowRateLimiter(
                    new() { PermitLimit = permits, Window = window, SegmentsPerWindow = Segments, QueueLimit = queue, AutoReplenishment = false });
            case RateLimitAlgorithm.TokenBucket:
                var period = window / permits < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : window / permits;
                var tokens = Math.Max(1, (int)Math.Round(permits * (period / window)));
                return new TokenBucketRateLimiter(
                    new() { TokenLimit = permits, ReplenishmentPeriod = period, TokensPerPeriod = tokens, QueueLimit = queue, AutoReplenishment = false });
            default:
                return new ConcurrencyLimiter(new() { PermitLimit = permits, QueueLimit = queue });
        }
    }
}
