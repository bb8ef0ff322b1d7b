namespace Testing;

/// <summary>What differs from the stack that deploy/local/up.sh starts.</summary>
public sealed record StackOptions
{
    public int Gateways { get; init; } = 1;

    /// <summary>Replicas of the auth-service on one database.</summary>
    public int AuthServices { get; init; } = 1;

    /// <summary>Whether every Redis write survives a kill. Without it a restarted Redis is empty.</summary>
    public bool RedisAppendOnly { get; init; }

    /// <summary><c>host:port</c> of a further Redis that may take the place of the stack's own: a replica of it, say.</summary>
    public string? SecondRedis { get; init; }

    /// <summary>Whether each service reaches the stack's Redis over a network of its own: <see cref="Stack.RedisProxyOf"/>.</summary>
    public bool RedisProxies { get; init; }

    /// <summary>Connection string of the users' database; a new SQLite file when null.</summary>
    public string? Database { get; init; }

    /// <summary>Settings of every service, as environment variables; they win over the stack's own.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Settings of the gateways alone.</summary>
    public IReadOnlyDictionary<string, string> GatewayEnvironment { get; init; } = new Dictionary<string, string>();

    /// <summary>Settings of the auth-services alone.</summary>
    public IReadOnlyDictionary<string, string> AuthServiceEnvironment { get; init; } = new Dictionary<string, string>();

    /// <summary>Settings of the sample backend alone.</summary>
    public IReadOnlyDictionary<string, string> SampleBackendEnvironment { get; init; } = new Dictionary<string, string>();
}
