using RevocationProtocol;
using StackExchange.Redis;

namespace AuthService.Limits;

/// <summary>So many at once, whole again after a period.</summary>
/// <param name="Size">How many; not above it is ever asked for at once. 0: no limit.</param>
internal readonly record struct Limit(string Key, int Size, TimeSpan Period);

/// <summary>
/// Buckets in Redis, shared by all replicas. A bucket is one number, the time at which it will be whole again (the generic
/// cell rate algorithm, ITU-T I.371): taking moves that time on, and is refused if it would come to lie further ahead than
/// the period. By Redis <c>TIME</c>, in µs. Each method is one atomic script; the limits given to it share a slot.
/// </summary>
internal sealed class LimitStore(SessionsConnection connection)
{
    /// <summary>ARGV: count, then size and period in µs of each key. Takes from all or none; returns the µs to wait.</summary>
    private const string TakeScript = """
        local t = redis.call('TIME')
        local now = t[1] * 1000000 + t[2]
        local wait, whole = 0, {}
        for i, key in ipairs(KEYS) do
          local size, period = ARGV[2 * i], ARGV[2 * i + 1]
          local from = math.max(now, tonumber(redis.call('GET', key) or now))
          whole[i] = from + ARGV[1] * period / size
          wait = math.max(wait, whole[i] - now - period)
        end
        -- A little less than 1 µs is the division's rounding.
        if wait >= 1 then return math.ceil(wait) end
        for i, key in ipairs(KEYS) do
          redis.call('SET', key, string.format('%.0f', whole[i]), 'PX', math.ceil((whole[i] - now) / 1000))
        end
        return 0
        """;

    /// <summary>ARGV: size and period in µs of each key. Puts one back into each.</summary>
    private const string GiveBackScript = """
        local t = redis.call('TIME')
        local now = t[1] * 1000000 + t[2]
        for i, key in ipairs(KEYS) do
          local whole = tonumber(redis.call('GET', key) or now) - ARGV[2 * i] / ARGV[2 * i - 1]
          if whole > now then
            redis.call('SET', key, string.format('%.0f', whole), 'PX', math.ceil((whole - now) / 1000))
          else
            redis.call('DEL', key)
          end
        end
        return 0
        """;

    /// <summary>ARGV: size and period in µs. Returns 1 if nothing can be taken now.</summary>
    private const string IsUsedUpScript = """
        local t = redis.call('TIME')
        local whole = redis.call('GET', KEYS[1])
        return whole and whole + ARGV[2] / ARGV[1] - (t[1] * 1000000 + t[2]) - ARGV[2] >= 1 and 1 or 0
        """;

    /// <summary>Takes from every limit, or from none if one would not suffice; then answers how long to wait.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public async Task<TimeSpan> TakeAsync(int count, IEnumerable<Limit> limits, CancellationToken cancellationToken)
    {
        var (keys, arguments) = Describe(limits);
        if (keys.Length == 0)
            return TimeSpan.Zero;
        var microseconds = (long)await connection.Redis.EvaluateAsync(TakeScript, keys, [count, .. arguments], cancellationToken);
        return TimeSpan.FromMicroseconds(microseconds);
    }

    /// <summary>Takes back one that was taken from every limit.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public async Task GiveBackAsync(IEnumerable<Limit> limits, CancellationToken cancellationToken)
    {
        var (keys, arguments) = Describe(limits);
        if (keys.Length > 0)
            await connection.Redis.EvaluateAsync(GiveBackScript, keys, arguments, cancellationToken);
    }

    /// <summary>Whether nothing can be taken now. Changes nothing.</summary>
    /// <exception cref="RedisUnavailableException">Redis did not answer.</exception>
    public async Task<bool> IsUsedUpAsync(Limit limit, CancellationToken cancellationToken)
    {
        var (keys, arguments) = Describe([limit]);
        return keys.Length > 0 && (bool)await connection.Redis.EvaluateAsync(IsUsedUpScript, keys, arguments, cancellationToken);
    }

    private static (RedisKey[] Keys, RedisValue[] Arguments) Describe(IEnumerable<Limit> limits)
    {
        var on = limits.Where(limit => limit.Size > 0).ToList();
        return ([.. on.Select(limit => (RedisKey)limit.Key)], [.. on.SelectMany(limit => new RedisValue[] { limit.Size, (long)limit.Period.TotalMicroseconds })]);
    }
}
