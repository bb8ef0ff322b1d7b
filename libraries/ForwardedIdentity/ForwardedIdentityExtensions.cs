using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ForwardedIdentity;

/// <summary>Registers the authentication of callers by the gateway's identity token.</summary>
public static class ForwardedIdentityExtensions
{
    /// <summary>
    /// Adds the scheme <see cref="ForwardedIdentityDefaults.AuthenticationScheme"/>, and makes it the default if there is none.
    /// Options come from the configuration's section <c>ForwardedIdentity</c>, then from <paramref name="configure"/>; wrong
    /// ones stop the start. Finer points of the token's validation are <c>JwtBearerOptions</c> of the scheme's name.
    /// </summary>
    public static AuthenticationBuilder AddForwardedIdentity(this IServiceCollection services, Action<ForwardedIdentityOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        // The core alone: the full AddAuthentication brings data protection, whose keys nothing here uses.
        services.AddAuthenticationCore(authentication => authentication.DefaultScheme ??= ForwardedIdentityDefaults.AuthenticationScheme);
        services.AddWebEncoders();
        services.TryAddSingleton(TimeProvider.System);
        return new AuthenticationBuilder(services).AddForwardedIdentity(configure);
    }

    /// <inheritdoc cref="AddForwardedIdentity(IServiceCollection, Action{ForwardedIdentityOptions})"/>
    public static AuthenticationBuilder AddForwardedIdentity(this AuthenticationBuilder authentication, Action<ForwardedIdentityOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(authentication);
        var services = authentication.Services;
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<ForwardedIdentityOptions>, ForwardedIdentityOptionsValidator>());
        var options = services.AddOptions<ForwardedIdentityOptions>().BindConfiguration(ForwardedIdentityDefaults.ConfigurationSection).ValidateOnStart();
        if (configure is not null) options.Configure(configure);
        services.AddHttpClient(ForwardedIdentityDefaults.HttpClientName, client =>
        {
            client.Timeout = TimeSpan.FromSeconds(10);
            client.MaxResponseContentBufferSize = 256 * 1024;
        }).ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(2) });
        services.TryAddSingleton(provider => new IdentityKeys(
            provider.GetRequiredService<IOptions<ForwardedIdentityOptions>>().Value.EffectiveKeysAddress,
            () => provider.GetRequiredService<IHttpClientFactory>().CreateClient(ForwardedIdentityDefaults.HttpClientName),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<IdentityKeys>>()));
        services.AddOptions<JwtBearerOptions>(ForwardedIdentityDefaults.AuthenticationScheme)
            .Configure<IOptions<ForwardedIdentityOptions>, IdentityKeys>((bearer, settings, keys) => Configure(bearer, settings.Value, keys))
            // Last, so that events of the service's own do not make the scheme look at another header.
            .PostConfigure(bearer => bearer.Events = new ForwardedHeaderEvents(bearer.Events));
        return authentication.AddScheme<JwtBearerOptions, ForwardedIdentityHandler>(ForwardedIdentityDefaults.AuthenticationScheme, configureOptions: null);
    }

    /// <summary>Adds a health check: unhealthy before the gateway's keys were fetched, degraded while older ones serve on.</summary>
    public static IHealthChecksBuilder AddForwardedIdentity(this IHealthChecksBuilder health)
    {
        ArgumentNullException.ThrowIfNull(health);
        return health.AddCheck<IdentityKeysHealthCheck>("forwarded-identity");
    }

    private static void Configure(JwtBearerOptions bearer, ForwardedIdentityOptions settings, IdentityKeys keys)
    {
        bearer.MapInboundClaims = false;
        bearer.TokenValidationParameters = IdentityTokens.Rules(settings.EffectiveIssuer, [settings.Audience!], settings.ClockSkew, keys);
    }

    private sealed class ForwardedHeaderEvents(JwtBearerEvents? inner) : JwtBearerEvents
    {
        private readonly JwtBearerEvents _inner = inner ?? new JwtBearerEvents();

        public override async Task MessageReceived(MessageReceivedContext context)
        {
            context.Token = context.Request.Headers[ForwardedIdentityDefaults.HeaderName];
            await _inner.MessageReceived(context);
        }

        public override Task TokenValidated(TokenValidatedContext context) => _inner.TokenValidated(context);

        public override Task AuthenticationFailed(AuthenticationFailedContext context) => _inner.AuthenticationFailed(context);
    }
}
