namespace Gateway.Forwarding;

/// <summary>
/// When a key signs and how long it is published. All of it follows from the times at which the keys were made, which are
/// sealed with them: nobody who can only write to Redis can call an old key back or keep a new one from its turn.
/// </summary>
/// <param name="Signer">Signs now; null when there is no key.</param>
/// <param name="Published">Those whose tokens may be on their way, and those that will sign next.</param>
/// <param name="Ended">Those whose last token has ended.</param>
/// <param name="NeedsNext">Whether it is time to make another.</param>
internal sealed record IdentityKeySchedule(IdentityKey? Signer, IReadOnlyList<IdentityKey> Published, IReadOnlyList<IdentityKey> Ended, bool NeedsNext)
{
    /// <summary>How old the newest key gets before the next is made.</summary>
    public static readonly TimeSpan RotationInterval = TimeSpan.FromDays(30);

    /// <summary>How long a key is published before it signs: longer than gateways and backends take to read keys again.</summary>
    public static readonly TimeSpan AnnounceTime = TimeSpan.FromHours(1);

    /// <summary>How long a key is published after its last signature: the longest life of a token, and clocks that differ.</summary>
    public static readonly TimeSpan RetireTime = IdentityOptions.LongestLifetime + TimeSpan.FromMinutes(5);

    /// <summary>A key that is found at this age was kept from its rotation and is not used again.</summary>
    public static readonly TimeSpan MaxAge = 2 * RotationInterval;

    public static IdentityKeySchedule Of(IEnumerable<IdentityKey> keys, DateTimeOffset now)
    {
        var ordered = keys.OrderBy(key => key.CreatedMs).ThenBy(key => key.Kid, StringComparer.Ordinal).ToList();
        if (ordered.Count == 0) return new(null, [], [], NeedsNext: true);

        // The newest that everybody has had time to read. At first there is only one, which nobody can have missed.
        var announcedBefore = Ms(now - AnnounceTime);
        var signer = Math.Max(ordered.FindLastIndex(key => key.CreatedMs <= announcedBefore), 0);
        // Those before it have not signed since its turn came.
        var ended = ordered[signer].CreatedMs <= Ms(now - AnnounceTime - RetireTime) ? signer : 0;
        return new(ordered[signer], ordered[ended..], ordered[..ended], ordered[^1].CreatedMs <= Ms(now - RotationInterval));
    }

    private static long Ms(DateTimeOffset time) => time.ToUnixTimeMilliseconds();
}
