using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.Limits;

internal static class LimitsExtensions
{
    /// <summary>The limits of sign-in, registration and refresh. Needs the Redis of the sessions.</summary>
    public static IServiceCollection AddLimits(this IServiceCollection services)
    {
        services.AddSingleton(provider => new OtherKeys(provider.GetRequiredService<IOptions<RedisOptions>>().Value.KeyPrefix));
        services.AddSingleton<LimitStore>();
        services.AddSingleton<SignInLimit>();
        services.AddSingleton<RefreshLimit>();
        services.AddSingleton<ClientLimit>();
        return services;
    }
}
