using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using ServiceHosting;

namespace RevocationProtocol;

/// <summary>Registers the connection to Redis.</summary>
public static class RevocationServices
{
    /// <summary>
    /// Binds <see cref="RedisOptions"/> and adds <see cref="RedisConnection"/> (revocations), <see cref="SessionsConnection"/>
    /// and <see cref="RevocationKeys"/>.
    /// </summary>
    /// <param name="services">Services to add to.</param>
    public static IServiceCollection AddRedis(this IServiceCollection services)
    {
        services.AddCheckedOptions<RedisOptions>(RedisOptions.Section).ValidateDataAnnotations();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(provider => new RedisConnection(Options(provider).ConnectionString, provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(provider => Options(provider).Sessions.ConnectionString is { Length: > 0 } own
            ? new SessionsConnection(new RedisConnection(own, provider.GetRequiredService<TimeProvider>()), isOwn: true)
            : new SessionsConnection(provider.GetRequiredService<RedisConnection>(), isOwn: false));
        services.TryAddSingleton(provider => new RevocationKeys(Options(provider).KeyPrefix));
        services.TryAddSingleton<IssuerKeyChannel>();
        services.AddHostedService<EvictionPolicyCheck>();
        return services;
    }

    private static RedisOptions Options(IServiceProvider provider) => provider.GetRequiredService<IOptions<RedisOptions>>().Value;
}

/// <summary>The connection to the Redis that holds sessions: the revocations' one unless configured otherwise.</summary>
/// <param name="redis">The connection.</param>
/// <param name="isOwn">Whether it is one of its own, to be closed with this.</param>
public sealed class SessionsConnection(RedisConnection redis, bool isOwn) : IAsyncDisposable
{
    /// <summary>The connection.</summary>
    public RedisConnection Redis { get; } = redis;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => isOwn ? Redis.DisposeAsync() : ValueTask.CompletedTask;
}
