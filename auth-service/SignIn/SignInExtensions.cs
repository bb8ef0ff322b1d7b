namespace AuthService.SignIn;

internal static class SignInExtensions
{
    /// <summary>Sign-ins of browsers and their cookie. Needs users, sessions, second factor, audit and the revocation service.</summary>
    public static IServiceCollection AddBrowserSignIn(this IServiceCollection services)
    {
        services.AddSingleton<BrowserSignIns>();
        services.AddSingleton<SignInCookie>();
        services.AddSingleton<SecondStep>();
        return services;
    }
}
