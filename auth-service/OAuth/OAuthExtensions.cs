using AuthService.OAuth.Authorization;
using AuthService.OAuth.Clients;
using AuthService.OAuth.Grants;
using AuthService.OAuth.Logout;
using ForwardedIdentity;
using Microsoft.Extensions.Options;

namespace AuthService.OAuth;

internal static class OAuthExtensions
{
    private const string IdentityKeysClient = "identity-keys";

    /// <summary>The token endpoint and its grants. Needs users, access tokens, sessions and the revocation service.</summary>
    public static IServiceCollection AddOAuth(this IServiceCollection services)
    {
        services.AddHttpClient(IdentityKeysClient, client => client.MaxResponseContentBufferSize = 256 * 1024)
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
        services.AddSingleton(provider => new IdentityKeys(
            new Uri(provider.GetRequiredService<IOptions<AuthServiceOptions>>().Value.IdentityKeysAddress),
            () => provider.GetRequiredService<IHttpClientFactory>().CreateClient(IdentityKeysClient),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<IdentityKeys>>()));
        services.AddSingleton<ClientReader>();
        services.AddSingleton<ClientAuthentication>();
        services.AddSingleton<SubjectTokenReader>();
        services.AddSingleton<TokenExchange>();
        services.AddSingleton<IGrant, AuthorizationCodeGrant>();
        services.AddSingleton<IGrant, RefreshTokenGrant>();
        services.AddSingleton<IGrant, ClientCredentialsGrant>();
        services.AddSingleton<IGrant, TokenExchangeGrant>();
        services.AddSingleton<IGrant, PasswordGrant>();
        services.AddSingleton<AuthorizationCodes>();
        services.AddSingleton<AuthorizationRequestReader>();
        services.AddSingleton<ClientAssertions>();
        services.AddSingleton<IdTokens>();
        services.AddSingleton<SessionAnswers>();
        services.AddSingleton<Consents>();
        services.AddSingleton<BrowserBinding>();
        services.AddSingleton<BrowserTickets>();
        services.AddSingleton<AuthorizationAnswers>();
        services.AddSingleton<PendingAuthorizations>();
        services.AddSingleton<AuthorizationFlow>();
        services.AddSingleton<PendingLogouts>();
        services.AddSingleton<LogoutFlow>();
        services.AddSingleton<RegisteredClients>();
        services.AddSingleton<TokenRevocation>();
        services.AddSingleton<Introspection>();
        return services;
    }

    /// <summary>The endpoints of clients, and of browsers that clients send here.</summary>
    public static IEndpointRouteBuilder MapOAuth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapAuthorizeEndpoint();
        endpoints.MapTokenEndpoint();
        endpoints.MapRevocationEndpoint();
        endpoints.MapIntrospectionEndpoint();
        endpoints.MapUserInfoEndpoint();
        endpoints.MapLogoutEndpoint();
        return endpoints;
    }
}
