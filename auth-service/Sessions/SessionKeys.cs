using StackExchange.Redis;

namespace AuthService.Sessions;

/// <summary>
/// Redis keys of sessions. A session and the outbox of its partition share a hash tag, so that one script changes both
/// atomically, on Redis Cluster too; 256 partitions spread over its nodes.
/// </summary>
/// <param name="prefix"><see cref="RevocationProtocol.RedisOptions.KeyPrefix"/>.</param>
internal sealed class SessionKeys(string prefix)
{
    /// <summary>Hex digits of a session id: 128 random bits.</summary>
    public const int SidLength = 32;

    /// <summary>Hash: the session, or its tombstone. Lives until the session's idle or absolute expiry, a tombstone until the absolute one.</summary>
    public RedisKey Session(string sid) => $"{prefix}session:{{{Partition(sid)}}}:{sid}";

    /// <summary>Stream of revocations, session ends and audit events not yet in the revocation stream and the database. No expiry.</summary>
    public RedisKey Outbox(string partition) => $"{prefix}outbox:{{{partition}}}";

    /// <summary>Stream of audit events of sign-ins and refreshes that are not yet in the database. No expiry.</summary>
    public RedisKey AuditOutbox(string partition) => $"{prefix}audit:{{{partition}}}";

    /// <summary>Sorted set of a user's sids by expiry (Unix ms), for showing only. Lives as long as its longest session.</summary>
    public RedisKey UserSessions(Guid userId) => $"{prefix}user-sessions:{userId:D}";

    /// <summary>First byte of the sid in lower-case hex.</summary>
    public static string Partition(string sid) => sid[..2];

    /// <summary>Whether the text has the form of a session id of ours.</summary>
    public static bool IsSid(string? text) => text is { Length: SidLength } && text.All(char.IsAsciiHexDigitLower);
}
