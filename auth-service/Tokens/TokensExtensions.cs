using Microsoft.Extensions.DependencyInjection.Extensions;
using ServiceHosting;

namespace AuthService.Tokens;

internal static class TokensExtensions
{
    /// <summary>The issuer of access tokens, its clock, and the check of that clock.</summary>
    public static IServiceCollection AddAccessTokens(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IssueClock>();
        services.AddSingleton<AccessTokenIssuer>();
        services.AddSingleton<ClockSkewCheck>();
        services.AddHostedService(sp => sp.GetRequiredService<ClockSkewCheck>());
        services.AddSingleton<IReadinessCheck>(sp => sp.GetRequiredService<ClockSkewCheck>());
        return services;
    }
}
