using Microsoft.Extensions.DependencyInjection.Extensions;

namespace AuthService.Tokens;

internal static class TokensExtensions
{
    /// <summary>The issuer of access tokens and its clock.</summary>
    public static IServiceCollection AddAccessTokens(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IssueClock>();
        services.AddSingleton<AccessTokenIssuer>();
        return services;
    }
}
