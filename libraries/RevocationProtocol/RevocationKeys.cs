using StackExchange.Redis;

namespace RevocationProtocol;

/// <summary>
/// The keys of the revocation protocol. All share the hash tag <c>{rev}</c>, so that any script may touch any of them.
/// </summary>
/// <param name="prefix"><see cref="RedisOptions.KeyPrefix"/>.</param>
public sealed class RevocationKeys(string prefix)
{
    /// <summary>Stream of <see cref="RevocationEntry"/>; no expiry, trimmed below the oldest unexpired entry.</summary>
    public string Stream { get; } = prefix + "{rev}:stream";

    /// <summary><c>run_id:master_replid:n</c>: this Redis holds every revocation up to row n. No expiry.</summary>
    public string Marker { get; } = prefix + "{rev}:marker";

    /// <summary>Hash of gateways: id → heartbeat, staleness, applied position. Entries leave by the rule of their staleness.</summary>
    public string Gateways { get; } = prefix + "{rev}:gateways";

    /// <summary>Held for seconds by the one replica that refills the stream.</summary>
    public string RefillLock { get; } = prefix + "{rev}:refill";

    /// <summary>Channel on which "read on" is said after an append.</summary>
    public string StreamChannel => Stream;

    /// <summary>Channel on which a gateway says how far it has applied.</summary>
    public string AppliedChannel => Gateways;

    /// <summary>Channel on which an auth-service says that the keys of its issuer have changed.</summary>
    public string IssuerKeyChannel { get; } = prefix + "{rev}:issuer-keys";

    internal RedisKey[] All => [Stream, Marker, Gateways];
}
