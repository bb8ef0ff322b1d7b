using AuthService.Users;

namespace AuthService.SecondFactor;

internal static class SecondFactorExtensions
{
    /// <summary>The second factor: an authenticator's codes, and recovery codes. Needs users, signing keys (for their ring), Redis,
    /// limits, sessions and audit.</summary>
    public static IServiceCollection AddSecondFactor(this IServiceCollection services)
    {
        services.AddSingleton<SecondFactorService>();
        services.AddSingleton<SecondFactorEnrolment>();
        services.AddSingleton<SecondFactorTickets>();
        services.AddSingleton<SecondFactorSignIn>();
        services.AddSingleton<SignInService>();
        services.AddSingleton<IPreparationStep, SealedSecrets>();
        return services;
    }
}
