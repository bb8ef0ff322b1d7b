using System.ComponentModel.DataAnnotations;

namespace RevocationProtocol;

/// <summary>Where Redis is and under which prefix this system keeps its keys. Section <c>Redis</c>.</summary>
public sealed class RedisOptions
{
    /// <summary>The configuration section these options are bound to.</summary>
    public const string Section = "Redis";

    /// <summary>
    /// StackExchange.Redis connection string (<c>host:port[,host:port…][,ssl=true][,password=…]</c>) of the Redis that
    /// carries revocations and, unless <see cref="Sessions"/> names another, sessions. Default <c>127.0.0.1:6379</c>.
    /// That Redis must run with <c>maxmemory-policy noeviction</c>: an evicted revocation is a token back from the dead.
    /// </summary>
    [Required]
    public string ConnectionString { get; set; } = "127.0.0.1:6379";

    /// <summary>
    /// Prefix of every key. Default <c>gw:</c>. Braces are refused: they would move all keys into one cluster slot, or
    /// tear apart keys that one script touches together.
    /// </summary>
    [Required]
    [RegularExpression(@"[^{}\s]{1,64}", ErrorMessage = "Redis:KeyPrefix must be 1 to 64 characters without braces or blanks.")]
    public string KeyPrefix { get; set; } = "gw:";

    /// <summary>Another Redis for sessions, which gateways then need not reach. Default: the same one.</summary>
    public SessionsRedisOptions Sessions { get; set; } = new();
}

/// <summary>Where sessions are kept. Section <c>Redis:Sessions</c>.</summary>
public sealed class SessionsRedisOptions
{
    /// <summary>StackExchange.Redis connection string; empty (default) for the Redis of the revocations.</summary>
    public string? ConnectionString { get; set; }
}
