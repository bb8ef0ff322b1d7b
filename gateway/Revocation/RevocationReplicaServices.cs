using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace Gateway.Revocation;

internal static class RevocationReplicaServices
{
    /// <summary>Adds this gateway's <see cref="RevocationReplica"/>: registered in Redis, loaded at start, kept by push and gap read.</summary>
    public static IServiceCollection AddRevocationReplica(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddRedis(configuration);
        services.AddOptions<RevocationOptions>().Bind(configuration.GetSection(RevocationOptions.Section)).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<RevocationOptions>, RevocationOptionsValidator>());
        services.TryAddSingleton(provider => new RevocationReplica(
            provider.GetRequiredService<IOptions<RevocationOptions>>().Value.MaxStaleness, provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(provider => new RevocationReader(
            provider.GetRequiredService<RedisConnection>(),
            provider.GetRequiredService<RevocationKeys>(),
            provider.GetRequiredService<RevocationReplica>(),
            $"{Environment.MachineName}:{Environment.ProcessId}:{Guid.NewGuid():N}",
            provider.GetRequiredService<ILogger<RevocationReader>>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService<RevocationReplicaService>();
        return services;
    }
}
