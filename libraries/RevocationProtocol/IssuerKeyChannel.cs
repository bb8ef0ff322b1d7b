namespace RevocationProtocol;

/// <summary>
/// On which an auth-service says that the keys of its issuer have changed, so that gateways and other replicas read them at
/// once instead of at their next interval. A message names the issuer and nothing else: it cannot bring a key, only cause a
/// look, and one that is lost costs nothing but that interval.
/// </summary>
/// <param name="redis">Connection to the Redis of the revocations.</param>
/// <param name="keys">Its keys.</param>
public sealed class IssuerKeyChannel(RedisConnection redis, RevocationKeys keys)
{
    private const string Publish = "return redis.call('PUBLISH', KEYS[1], ARGV[1])";

    /// <summary>Says that the keys of <paramref name="issuer"/> have changed.</summary>
    /// <param name="issuer">Its <c>iss</c>.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="RedisUnavailableException">Not known to be said.</exception>
    public Task SayChangedAsync(string issuer, CancellationToken cancellationToken) =>
        redis.EvaluateAsync(Publish, [keys.IssuerKeyChannel], [issuer], cancellationToken);

    /// <summary>Calls back with every issuer whose keys are said to have changed.</summary>
    /// <param name="changed">Called on a thread-pool thread; must not block.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="RedisUnavailableException">The subscription could not be made now.</exception>
    public Task SubscribeAsync(Action<string> changed, CancellationToken cancellationToken) =>
        redis.SubscribeAsync(keys.IssuerKeyChannel, changed, cancellationToken);
}
