using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Gateway.RateLimiting;

/// <summary>Limits of requests a time, per route.</summary>
internal static class RateLimitingServices
{
    /// <summary>Adds <c>Gateway:RateLimits</c>, which routes name in <c>RateLimiterPolicy</c>.</summary>
    public static IReverseProxyBuilder AddRateLimits(this IReverseProxyBuilder proxy)
    {
        proxy.Services.TryAddSingleton(TimeProvider.System);
        proxy.Services.TryAddSingleton<RateLimits>();
        return proxy;
    }

    /// <summary>After the route's policy has let the caller pass.</summary>
    public static IApplicationBuilder UseRateLimits(this IApplicationBuilder app) => app.UseMiddleware<RateLimitMiddleware>();
}
