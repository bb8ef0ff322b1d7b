using Microsoft.Extensions.DependencyInjection.Extensions;
using RevocationProtocol;
using ServiceHosting;

namespace AuthService.Revocation;

internal static class RevocationServiceExtensions
{
    /// <summary>Age from which on this service no longer trusts the absence of a revocation; its answers are then 503.</summary>
    private static readonly TimeSpan MaxStaleness = TimeSpan.FromSeconds(30);

    /// <summary>Adds <see cref="RevocationService"/>: publishing, acknowledgement, refill, and this replica's own view.</summary>
    public static IServiceCollection AddRevocationService(this IServiceCollection services)
    {
        services.AddRedis();
        services.TryAddSingleton<RevocationWriter>();
        services.TryAddSingleton<AcknowledgementTracker>();
        services.TryAddSingleton<RevocationStore>();
        services.TryAddSingleton<RevocationState>();
        services.TryAddSingleton<Outbox>();
        services.TryAddSingleton<OutboxRows>();
        services.TryAddSingleton<RevocationService>();
        services.TryAddSingleton(provider => new RevocationReplica(MaxStaleness, provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(provider => new RevocationReader(
            provider.GetRequiredService<RedisConnection>(),
            provider.GetRequiredService<RevocationKeys>(),
            provider.GetRequiredService<RevocationReplica>(),
            gatewayId: null,
            provider.GetRequiredService<ILogger<RevocationReader>>(),
            provider.GetRequiredService<TimeProvider>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IReadinessCheck, RevocationReadiness>());
        services.AddHostedService<RevocationWorker>();
        return services;
    }
}

internal sealed class RevocationReadiness(RevocationState state) : IReadinessCheck
{
    public string Name => "revocations";

    public string? NotReadyReason => state.UnavailableReason;
}
