using AuthService.Audit;
using AuthService.Tokens;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.Sessions;

internal static class SessionsExtensions
{
    /// <summary>The largest clock skew a gateway can be configured to allow (its <c>ClockSkew</c>): until then a revocation must be known.</summary>
    private static readonly TimeSpan LargestSkew = TimeSpan.FromMinutes(5);

    /// <summary>Sessions, their refresh tokens, and the verification of this service's own access tokens. Needs users,
    /// signing keys, access tokens and the revocation service.</summary>
    public static IServiceCollection AddSessions(this IServiceCollection services)
    {
        services.AddSingleton(provider => new SessionKeys(provider.GetRequiredService<IOptions<RedisOptions>>().Value.KeyPrefix));
        services.AddSingleton(_ => new SessionScripts());
        services.AddSingleton(provider => Policy(
            provider.GetRequiredService<IOptions<AuthServiceOptions>>().Value, provider.GetRequiredService<IOptions<AuditOptions>>().Value));
        services.AddSingleton<SessionStore>();
        services.AddSingleton<IPreparationStep, TokenLifeRecord>();
        services.AddSingleton<MacKeyStore>();
        services.AddSingleton<IPreparationStep>(provider => provider.GetRequiredService<MacKeyStore>());
        services.AddHostedService<MacKeyWorker>();
        services.AddSingleton<RefreshTokens>();
        services.AddSingleton<SessionTokens>();
        services.AddSingleton<UserSessions>();
        services.TryAddSingleton<ClientAddress>();
        services.AddSingleton<AccessTokenVerifier>();
        return services;
    }

    private static SessionPolicy Policy(AuthServiceOptions options, AuditOptions audit) => new(
        options.Issuer, options.RefreshGracePeriod, options.AccessTokenLifetime + options.MaxClockSkew + LargestSkew, options.SessionLifetime,
        audit.Refreshes);
}
