using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using RevocationProtocol;
using ServiceHosting;

namespace Gateway.Revocation;

internal static class RevocationReplicaServices
{
    /// <summary>Adds this gateway's <see cref="RevocationReplica"/>: registered in Redis, loaded at start, kept by push and gap read.</summary>
    public static IServiceCollection AddRevocationReplica(this IServiceCollection services)
    {
        services.AddRedis();
        services.AddCheckedOptions<RevocationOptions>(RevocationOptions.Section);
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
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IReadinessCheck, RevocationReadiness>());
        services.AddHostedService<RevocationReplicaService>();
        return services;
    }

    /// <summary>Adds <see cref="LongRequests"/>: what outlives its token is ended. Needs <c>UseLongRequestWatch</c> in the pipeline.</summary>
    public static IReverseProxyBuilder AddLongRequests(this IReverseProxyBuilder proxy)
    {
        var services = proxy.Services;
        services.AddCheckedOptions<LongRequestOptions>(LongRequestOptions.Section);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<LongRequestOptions>, LongRequestOptionsValidator>());
        services.TryAddSingleton<LongRequests>();
        services.AddHostedService(provider => provider.GetRequiredService<LongRequests>());
        return proxy.AddTransforms<LongRequestWatch.Transforms>();
    }
}

internal sealed class RevocationReadiness(RevocationReader reader) : IReadinessCheck
{
    public string Name => "revocations";

    public string? NotReadyReason => reader.NotReadyReason;
}
