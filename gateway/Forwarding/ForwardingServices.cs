using KeyEncryption;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using RevocationProtocol;
using ServiceHosting;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Gateway.Forwarding;

/// <summary>What backends are sent, and what of their answers comes back.</summary>
internal static partial class ForwardingServices
{
    /// <summary>
    /// Encloses all forwarding in the <see cref="HeaderBoundary"/>, sends targets byte for byte, and makes the clients to
    /// backends transparent. Called after <c>AddReverseProxy</c> and any <c>AddTransforms</c>.
    /// </summary>
    public static IReverseProxyBuilder AddHeaderBoundary(this IReverseProxyBuilder proxy)
    {
        var services = proxy.Services;
        services.TryAddSingleton<TrustedProxies>();
        services.AddCheckedOptions<IdentityOptions>(IdentityOptions.Section);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<IdentityOptions>, IdentityOptions.Validator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IdentityKeySet>();
        services.TryAddSingleton<IdentityTokens>();
        services.TryAddSingleton<TraceContext>();
        services.AddSingleton<IConfigurationCheck>(provider => provider.GetRequiredService<TrustedProxies>());
        services.TryAddSingleton<BackendTlsCheck>();
        services.AddSingleton<IProxyConfigFilter>(provider => provider.GetRequiredService<BackendTlsCheck>());
        services.AddSingleton<IConfigurationCheck>(provider => provider.GetRequiredService<BackendTlsCheck>());
        services.AddSingleton<ITransformProvider, RawTargetTransformProvider>();
        services.Replace(ServiceDescriptor.Singleton<IForwarderHttpClientFactory, BackendClientFactory>());

        // YARP can seal the cookies of its session affinity. What reads the keys for it at every start is not needed: the first
        // such cookie does.
        var preload = services.FirstOrDefault(service => service.ImplementationType?.Name == "DataProtectionHostedService");
        if (preload is not null) services.Remove(preload);

        var yarp = services.Last(service => service.ServiceType == typeof(IHttpForwarder)).ImplementationType
            ?? throw new InvalidOperationException("YARP registers its forwarder in another way than it did.");
        services.Replace(ServiceDescriptor.Singleton<IHttpForwarder>(provider => new BoundaryForwarder(
            (IHttpForwarder)ActivatorUtilities.CreateInstance(provider, yarp), provider.GetRequiredService<TrustedProxies>(),
            provider.GetRequiredService<IdentityTokens>(), provider.GetRequiredService<TraceContext>())));
        return proxy;
    }

    /// <summary>Shares the keys of identity tokens with all gateways, through Redis. Needs <c>AddRedis</c>.</summary>
    public static IReverseProxyBuilder AddIdentityKeys(this IReverseProxyBuilder proxy)
    {
        var services = proxy.Services;
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<IdentityOptions>, IdentityOptions.SealingValidator>());
        services.TryAddSingleton(provider => KeyRing(
            provider.GetRequiredService<IOptions<IdentityOptions>>().Value, provider.GetRequiredService<ILogger<IdentityKeyStore>>()));
        services.TryAddSingleton(provider => new IdentityKeyRecords(
            provider.GetRequiredService<RedisConnection>(), provider.GetRequiredService<IOptions<RedisOptions>>().Value.KeyPrefix));
        services.TryAddSingleton<IdentityKeyStore>();
        services.AddHostedService<IdentityKeyRefresher>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IReadinessCheck, IdentityKeysReadiness>());
        return proxy;
    }

    private static KeyEncryptionKeyRing KeyRing(IdentityOptions options, ILogger logger)
    {
        if (options.KeyEncryptionKeys.Count > 0) return new([.. options.KeyEncryptionKeys], IdentityOptions.KeyEncryptionKeysSetting);
        // In Development only; elsewhere the start stops.
        Log.MadeUp(logger);
        return new([KeyEncryptionKeyRing.NewKey()], IdentityOptions.KeyEncryptionKeysSetting);
    }

    private static partial class Log
    {
        [LoggerMessage(1208, LogLevel.Warning,
            "Gateway:Identity:KeyEncryptionKeys is not set: the keys of identity tokens are this process's own, and no other gateway can read them")]
        public static partial void MadeUp(ILogger logger);
    }
}
