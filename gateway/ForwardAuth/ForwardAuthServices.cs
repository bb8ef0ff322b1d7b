using Gateway.Routing;
using Microsoft.Extensions.DependencyInjection.Extensions;
using ServiceHosting;

namespace Gateway.ForwardAuth;

/// <summary>Decisions for other proxies.</summary>
internal static class ForwardAuthServices
{
    /// <summary>Adds what <see cref="MapVerify"/> needs. After <c>AddRoutePolicies</c> and <c>AddHeaderBoundary</c>.</summary>
    public static IReverseProxyBuilder AddForwardAuth(this IReverseProxyBuilder proxy)
    {
        var services = proxy.Services;
        services.AddCheckedOptions<VerifyOptions>(VerifyOptions.Section);
        services.TryAddSingleton<VerifyPolicy>();
        services.AddSingleton<IConfigurationCheck>(provider => provider.GetRequiredService<VerifyPolicy>());
        services.TryAddSingleton<AskedMethods>();
        services.TryAddSingleton<VerifyEndpoint>();
        return proxy;
    }

    /// <summary>Maps <c>/verify</c> and <c>/verify/{path}</c>.</summary>
    public static void MapVerify(this IEndpointRouteBuilder endpoints)
    {
        var verify = endpoints.ServiceProvider.GetRequiredService<VerifyEndpoint>();
        endpoints.MapOwn(VerifyEndpoint.Path + "/{**asked}", verify.AnswerAsync);
    }
}
