using AuthService.Audit;
using AuthService.Tokens;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.Sessions;

internal static class SessionsExtensions
{
    /// <summary>The largest clock skew any gateway may be configured to allow for our tokens.</summary>
    private static readonly TimeSpan LargestSkew = TimeSpan.FromSeconds(30);

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
