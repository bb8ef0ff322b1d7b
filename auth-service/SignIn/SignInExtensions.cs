namespace AuthService.SignIn;

internal static class SignInExtensions
{
    /// <summary>Sign-ins of browsers and their cookie. Needs users, sessions, audit and the revocation service.</summary>
    public static IServiceCollection AddBrowserSignIn(this IServiceCollection services)
    {
        services.AddSingleton<BrowserSignIns>();
        services.AddSingleton<SignInCookie>();
        return services;
    }
}
