using ForwardedIdentity.Tokens;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace ForwardedIdentity;

/// <summary>Gives the requests of an <see cref="HttpClient"/> a token for the next service. Both need <c>ClientId</c> and
/// <c>ClientSecret</c> in <see cref="ForwardedIdentityOptions"/>, and <c>AddForwardedIdentity</c>.</summary>
public static class ForwardedIdentityHttpClientExtensions
{
    /// <summary>
    /// Passes the identity of the current request's caller on: the identity token is exchanged for an access token that says
    /// who the user is and that this service acts for them (RFC 8693). Without such a caller a request fails with
    /// <see cref="InvalidOperationException"/>; if the exchange is refused, with <see cref="TokenRefusedException"/>.
    /// </summary>
    public static IHttpClientBuilder AddForwardedIdentityHandler(this IHttpClientBuilder client, Action<OutgoingTokenOptions>? configure = null)
    {
        var wanted = Prepare(client, configure);
        client.Services.AddHttpContextAccessor();
        return client.AddHttpMessageHandler(provider => new CallerTokenHandler(
            provider.GetRequiredService<TokenClient>(), wanted, provider.GetRequiredService<IHttpContextAccessor>()));
    }

    /// <summary>Calls in this service's own name, with a token from the client credentials grant (RFC 6749 section 4.4).</summary>
    public static IHttpClientBuilder AddServiceToken(this IHttpClientBuilder client, Action<OutgoingTokenOptions>? configure = null)
    {
        var wanted = Prepare(client, configure);
        return client.AddHttpMessageHandler(provider => new ServiceTokenHandler(provider.GetRequiredService<TokenClient>(), wanted));
    }

    private static OutgoingTokenOptions Prepare(IHttpClientBuilder client, Action<OutgoingTokenOptions>? configure)
    {
        ArgumentNullException.ThrowIfNull(client);
        client.Services.TryAddSingleton<TokenCache>();
        client.Services.TryAddSingleton<TokenClient>();
        var wanted = new OutgoingTokenOptions();
        configure?.Invoke(wanted);
        return wanted;
    }
}
