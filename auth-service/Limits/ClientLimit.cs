using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using AuthService.Sessions;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.Limits;

/// <summary>
/// Slows clients that fail to authenticate, by the address they come from and the client they claim to be. Failures are
/// counted in Redis, for all replicas; whoever is over the limit is refused from memory, so that a client which
/// authenticates costs nothing here.
/// </summary>
internal sealed class ClientLimit(LimitStore store, OtherKeys keys, IOptions<SignInLimitOptions> options, TimeProvider time)
{
    private const int MaxRemembered = 100_000;

    /// <summary>Until when somebody is refused, by <see cref="TimeProvider.GetTimestamp"/>.</summary>
    private readonly ConcurrentDictionary<string, long> _refusedUntil = new(StringComparer.Ordinal);

    /// <summary>Refuses who has failed too often.</summary>
    /// <exception cref="TooManyRequestsException">Try again later.</exception>
    public void Ensure(string? address, string clientId)
    {
        if (_refusedUntil.IsEmpty) return;
        var network = ClientAddress.Network(address);
        Refuse(keys.ClientsOfAddress(network));
        Refuse(keys.ClientsOfAddressAndClient(network, Shorten(clientId)));
    }

    /// <summary>Counts a failure. Without Redis it is not counted: the answer is the same.</summary>
    public async Task CountFailureAsync(string? address, string clientId, CancellationToken cancellationToken)
    {
        var network = ClientAddress.Network(address);
        Limit[] limits =
        [
            new(keys.ClientsOfAddressAndClient(network, Shorten(clientId)), options.Value.ClientFailuresPerAddressAndClient, options.Value.Period),
            new(keys.ClientsOfAddress(network), options.Value.ClientFailuresPerAddress, options.Value.Period),
        ];
        try
        {
            foreach (var limit in limits.Where(limit => limit.Size > 0))
            {
                await store.TakeAsync(1, [limit], cancellationToken);
                if (await store.IsUsedUpAsync(limit, cancellationToken)) Remember(limit.Key, limit.Period / limit.Size);
            }
        }
        catch (RedisUnavailableException)
        {
            // The next request that needs Redis says so.
        }
    }

    private void Refuse(string key)
    {
        if (!_refusedUntil.TryGetValue(key, out var until)) return;
        var wait = time.GetElapsedTime(time.GetTimestamp(), until);
        if (wait > TimeSpan.Zero) throw new TooManyRequestsException(wait);
        _refusedUntil.TryRemove(key, out _);
    }

    private void Remember(string key, TimeSpan wait)
    {
        if (_refusedUntil.Count >= MaxRemembered)
        {
            var now = time.GetTimestamp();
            foreach (var (other, until) in _refusedUntil)
            {
                if (until <= now) _refusedUntil.TryRemove(other, out _);
            }
        }

        if (_refusedUntil.Count < MaxRemembered) _refusedUntil[key] = time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency);
    }

    /// <summary>A client id is whatever a stranger sent.</summary>
    private static string Shorten(string clientId) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(clientId)).AsSpan(0, 16));
}
