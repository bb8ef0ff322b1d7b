using Microsoft.Extensions.DependencyInjection.Extensions;
using ServiceHosting;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Gateway.Forwarding;

/// <summary>What backends are sent, and what of their answers comes back.</summary>
internal static class ForwardingServices
{
    /// <summary>
    /// Encloses all forwarding in the <see cref="HeaderBoundary"/>, sends targets byte for byte, and makes the clients to
    /// backends transparent. Called after <c>AddReverseProxy</c> and any <c>AddTransforms</c>.
    /// </summary>
    public static IReverseProxyBuilder AddHeaderBoundary(this IReverseProxyBuilder proxy)
    {
        var services = proxy.Services;
        services.TryAddSingleton<TrustedProxies>();
        services.AddSingleton<IConfigurationCheck>(provider => provider.GetRequiredService<TrustedProxies>());
        services.AddSingleton<ITransformProvider, RawTargetTransformProvider>();
        services.Replace(ServiceDescriptor.Singleton<IForwarderHttpClientFactory, BackendClientFactory>());

        var yarp = services.Last(service => service.ServiceType == typeof(IHttpForwarder)).ImplementationType
            ?? throw new InvalidOperationException("YARP registers its forwarder in another way than it did.");
        services.Replace(ServiceDescriptor.Singleton<IHttpForwarder>(provider => new BoundaryForwarder(
            (IHttpForwarder)ActivatorUtilities.CreateInstance(provider, yarp), provider.GetRequiredService<TrustedProxies>())));
        return proxy;
    }
}
