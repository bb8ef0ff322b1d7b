using System.Collections.Concurrent;
using AuthService.Sessions;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.Limits;

/// <summary>
/// Limits refreshes by address and by user across replicas without asking Redis at each: a replica counts in memory, takes
/// a block (a twentieth of the limit) from the shared bucket when it has counted one, and refuses while the bucket is used
/// up. Together the replicas stay below the limit and, for each replica, one block more; less than a tenth of the rate
/// is not told to Redis at all, so that a refresh now and then costs nothing.
/// </summary>
internal sealed class RefreshLimit(LimitStore store, OtherKeys keys, IOptions<SignInLimitOptions> options, TimeProvider time)
{
    private const int Blocks = 20;
    private const int UntoldShare = 10;

    private readonly ConcurrentDictionary<string, Count> _counts = new(StringComparer.Ordinal);
    private readonly TimeSpan _window = options.Value.Period / Blocks;
    private long _sweptAt = time.GetTimestamp();

    /// <summary>Subjects counted in memory; one leaves when it was idle for the period.</summary>
    public int Counted => _counts.Count;

    /// <summary>Counts a refresh from an address.</summary>
    /// <exception cref="TooManyRequestsException">There were too many.</exception>
    public async ValueTask CountAddressAsync(string? address, CancellationToken cancellationToken)
    {
        if (options.Value.RefreshesPerAddress == 0)
            return;
        var network = ClientAddress.Network(address);
        Refuse(network);
        await CountAsync(network, options.Value.RefreshesPerAddress, cancellationToken);
        Refuse(network);
    }

    /// <summary>Refuses a user who has refreshed too often.</summary>
    /// <exception cref="TooManyRequestsException">There were too many.</exception>
    public void EnsureUser(Guid userId) => Refuse(userId.ToString("N"));

    /// <summary>Counts a refresh that succeeded: with a token of an ended session nobody can slow its owner.</summary>
    public ValueTask CountUserAsync(Guid userId, CancellationToken cancellationToken) =>
        options.Value.RefreshesPerUser == 0 ? ValueTask.CompletedTask : CountAsync(userId.ToString("N"), options.Value.RefreshesPerUser, cancellationToken);

    private void Refuse(string subject)
    {
        if (!_counts.TryGetValue(subject, out var count) || Interlocked.Read(ref count.RefusedUntil) is not (> 0 and var until))
            return;
        var wait = time.GetElapsedTime(time.GetTimestamp(), until);
        if (wait > TimeSpan.Zero)
            throw new TooManyRequestsException(wait);
    }

    private async ValueTask CountAsync(string subject, int limit, CancellationToken cancellationToken)
    {
        Sweep();
        var now = time.GetTimestamp();
        var block = Math.Max(1, limit / Blocks);
        var count = _counts.GetOrAdd(subject, static (_, started) => new Count { WindowStarted = started }, now);
        lock (count)
        {
            if (time.GetElapsedTime(count.WindowStarted, now) > _window)
            {
                count.WindowStarted = now;
                if (count.Spent < block / UntoldShare)
                    count.Spent = 0;
            }
            if (++count.Spent < block)
                return;
            count.Spent = 0;
        }

        try
        {
            var wait = await store.TakeAsync(block, [new Limit(keys.Refreshes(subject), limit, options.Value.Period)], cancellationToken);
            if (wait > TimeSpan.Zero)
                Interlocked.Exchange(ref count.RefusedUntil, time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency));
        }
        catch (RedisUnavailableException)
        {
            // The refresh itself fails, or has succeeded before Redis went away.
        }
    }

    /// <summary>Forgets, once a window, who has not been seen for the period.</summary>
    private void Sweep()
    {
        var now = time.GetTimestamp();
        var swept = Interlocked.Read(ref _sweptAt);
        if (time.GetElapsedTime(swept, now) < _window || Interlocked.CompareExchange(ref _sweptAt, now, swept) != swept)
            return;
        foreach (var (subject, count) in _counts)
        {
            if (time.GetElapsedTime(Interlocked.Read(ref count.WindowStarted), now) > options.Value.Period)
                _counts.TryRemove(subject, out _);
        }
    }

    private sealed class Count
    {
        public long WindowStarted;
        public long RefusedUntil;
        public int Spent;
    }
}
