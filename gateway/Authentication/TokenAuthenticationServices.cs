using Gateway.Diagnostics;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using ServiceHosting;

namespace Gateway.Authentication;

/// <summary>Registers and places the authentication of callers by access token.</summary>
internal static class TokenAuthenticationServices
{
    private const long MaxKeyDocumentBytes = 1 << 20;

    /// <summary>Adds issuers, their keys, and the validation of tokens.</summary>
    public static IServiceCollection AddTokenAuthentication(this IServiceCollection services)
    {
        services.TryAddSingleton<IssuerSettings>();
        services.AddSingleton<IConfigurationCheck>(provider => provider.GetRequiredService<IssuerSettings>());
        services.AddHttpClient(nameof(DiscoveryKeySource), http =>
            {
                http.Timeout = TimeSpan.FromSeconds(5);
                http.MaxResponseContentBufferSize = MaxKeyDocumentBytes;
            })
            // A redirect would let whoever answers there choose the keys.
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                ConnectTimeout = TimeSpan.FromSeconds(2),
                PooledConnectionLifetime = TimeSpan.FromMinutes(1),
            })
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan);
        services.TryAddSingleton(provider =>
        {
            var issuers = ActivatorUtilities.CreateInstance<IssuerRegistry>(provider);
            var cache = provider.GetRequiredService<TokenCache>();
            var time = provider.GetRequiredService<TimeProvider>();
            foreach (var issuer in issuers.All) issuer.Keys.Withdrawn += () => cache.Sweep(time.GetUtcNow().ToUnixTimeMilliseconds());
            return issuers;
        });
        services.AddCheckedOptions<TokenCacheOptions>(TokenCacheOptions.Section)
            .Validate(options => options.MaxEntries is >= 2 and <= 10_000_000, $"{TokenCacheOptions.Section}:MaxEntries: must be from 2 to 10,000,000.")
            .Validate(options => options.MaxBytes >= 1 << 20, $"{TokenCacheOptions.Section}:MaxBytes: must be at least 1,048,576.");
        services.TryAddSingleton(provider => new TokenCache(
            provider.GetRequiredService<IOptions<TokenCacheOptions>>().Value, provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton<TokenValidator>();
        services.TryAddSingleton<GatewayMetrics>();
        services.AddHostedService<KeyRefresher>();
        services.AddSingleton<IReadinessCheck, KeysReadiness>();
        return services;
    }

    /// <summary>From here on every request has an <see cref="AuthenticationOutcome"/>.</summary>
    public static IApplicationBuilder UseTokenAuthentication(this IApplicationBuilder app)
    {
        // Its gauges are there from the start.
        app.ApplicationServices.GetService<GatewayMetrics>();
        return app.UseMiddleware<AuthenticationMiddleware>();
    }
}

/// <summary>
/// The own issuer's keys must be known. A foreign issuer that cannot be reached must not keep everyone else out: its own
/// callers are answered with 503.
/// </summary>
internal sealed class KeysReadiness(IssuerRegistry issuers) : IReadinessCheck
{
    public string Name => "keys";

    public string? NotReadyReason =>
        issuers.Own.Keys.IsLoaded ? null
        : $"the keys of {issuers.Own.Name} are not loaded{(issuers.Own.Keys.Failure is { } failure ? $": {failure}" : "")}";
}
