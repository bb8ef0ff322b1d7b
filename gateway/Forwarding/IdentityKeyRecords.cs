using RevocationProtocol;
using StackExchange.Redis;

namespace Gateway.Forwarding;

/// <summary>
/// The sealed keys in Redis: one hash, <c>PREFIX + "identity-keys"</c>, key id → envelope, without expiry. A gateway removes a
/// key when its last token has ended.
/// </summary>
internal sealed class IdentityKeyRecords(RedisConnection redis, string prefix)
{
    private const string ReadScript = "return redis.call('HGETALL', KEYS[1])";

    /// <summary>ARGV: number of the ids the caller saw, these, then pairs of id and envelope, or id and nothing to remove it.</summary>
    private const string ChangeScript = """
        local seen = tonumber(ARGV[1])
        if redis.call('HLEN', KEYS[1]) ~= seen then return 0 end
        for i = 2, seen + 1 do
          if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 0 then return 0 end
        end
        for i = seen + 2, #ARGV, 2 do
          if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[1], ARGV[i])
          else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
        end
        redis.call('PUBLISH', KEYS[1], 'changed')
        return 1
        """;

    private readonly RedisKey[] _keys = [prefix + "identity-keys"];

    /// <summary>Calls back when a gateway has changed the records.</summary>
    /// <exception cref="RedisUnavailableException">Nothing can be heard now.</exception>
    public Task ListenAsync(Action changed, CancellationToken cancellationToken) => redis.SubscribeAsync(_keys[0].ToString(), _ => changed(), cancellationToken);

    /// <summary>All records by key id.</summary>
    /// <exception cref="RedisUnavailableException">Redis does not answer.</exception>
    public async Task<Dictionary<string, string>> ReadAsync(CancellationToken cancellationToken)
    {
        var values = (RedisValue[]?)await redis.EvaluateAsync(ReadScript, _keys, [], cancellationToken) ?? [];
        var records = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i + 1 < values.Length; i += 2) records[values[i].ToString()] = values[i + 1].ToString();
        return records;
    }

    /// <summary>Makes the changes if the ids are still those that the caller saw: of several gateways exactly one makes a key.</summary>
    /// <param name="seen">The ids that were read.</param>
    /// <param name="changes">Key id and envelope; null removes the record.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="RedisUnavailableException">Redis does not answer.</exception>
    public async Task<bool> TryChangeAsync(
        IReadOnlyCollection<string> seen, IReadOnlyDictionary<string, string?> changes, CancellationToken cancellationToken)
    {
        RedisValue[] arguments =
        [
            seen.Count, .. seen.Select(id => (RedisValue)id), .. changes.SelectMany(change => (RedisValue[])[change.Key, change.Value ?? ""]),
        ];
        return (int)await redis.EvaluateAsync(ChangeScript, _keys, arguments, cancellationToken) == 1;
    }
}
