using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;

namespace ForwardedIdentity.Tokens;

/// <summary>Gets tokens for this service from the token endpoint, or from the cache.</summary>
internal sealed class TokenClient(IHttpClientFactory clients, IOptionsMonitor<ForwardedIdentityOptions> options, TokenCache cache)
{
    private const string TokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    private const string Jwt = "urn:ietf:params:oauth:token-type:jwt";

    /// <summary>Where and as whom; the rest of a token's key is the request's.</summary>
    public TokenKey Key(string? identityToken, OutgoingTokenOptions wanted)
    {
        var settings = options.CurrentValue;
        if (settings.ClientId is null)
            throw new InvalidOperationException($"{ForwardedIdentityDefaults.ConfigurationSection}:ClientId and :ClientSecret are required to get tokens.");
        return new TokenKey(settings.EffectiveTokenEndpoint, settings.ClientId, identityToken is null ? null : TokenKey.Hash(identityToken), wanted.Audience, wanted.Scope);
    }

    /// <summary>A token in the caller's name (RFC 8693), or in the service's own (RFC 6749 section 4.4) without a caller.</summary>
    public Task<IssuedToken> GetAsync(TokenKey key, string? identityToken, CancellationToken cancellationToken) =>
        cache.GetAsync(key, cancellation => RequestAsync(key, identityToken, cancellation), cancellationToken);

    public void Forget(TokenKey key, IssuedToken token) => cache.Forget(key, token);

    private async Task<IssuedToken> RequestAsync(TokenKey key, string? identityToken, CancellationToken cancellationToken)
    {
        List<KeyValuePair<string, string>> form = identityToken is null
            ? [new("grant_type", "client_credentials")]
            : [new("grant_type", TokenExchange), new("subject_token", identityToken), new("subject_token_type", Jwt)];
        if (key.Audience is not null) form.Add(new("audience", key.Audience));
        if (key.Scope is not null) form.Add(new("scope", key.Scope));
        using var request = new HttpRequestMessage(HttpMethod.Post, key.Endpoint) { Content = new FormUrlEncodedContent(form) };
        request.Headers.Authorization = Credentials(key.ClientId, options.CurrentValue.ClientSecret!);
        request.Headers.Accept.Add(new("application/json"));
        using var client = clients.CreateClient(ForwardedIdentityDefaults.HttpClientName);
        using var response = await client.SendAsync(request, cancellationToken);
        var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        return response.StatusCode switch
        {
            HttpStatusCode.OK => Read(body),
            HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized => throw Refusal(response.StatusCode, body),
            _ => throw new HttpRequestException($"The token endpoint answered {(int)response.StatusCode}.", inner: null, response.StatusCode),
        };
    }

    /// <summary>RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.</summary>
    private static AuthenticationHeaderValue Credentials(string clientId, string secret) =>
        new("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes($"{WebUtility.UrlEncode(clientId)}:{WebUtility.UrlEncode(secret)}")));

    private static IssuedToken Read(byte[] body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            var root = json.RootElement;
            // RFC 6749 section 7.1: a type that is not understood is not used.
            if (!"Bearer".Equals(root.GetProperty("token_type").GetString(), StringComparison.OrdinalIgnoreCase))
                throw new HttpRequestException("The token endpoint gave a token of another type than Bearer.");
            return new IssuedToken(root.GetProperty("access_token").GetString()!, TimeSpan.FromSeconds(root.GetProperty("expires_in").GetInt64()));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new HttpRequestException("The token endpoint's answer cannot be read.", e);
        }
    }

    private static HttpRequestException Refusal(HttpStatusCode status, byte[] body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return new TokenRefusedException(
                json.RootElement.GetProperty("error").GetString()!,
                json.RootElement.TryGetProperty("error_description", out var description) ? description.GetString() : null);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return new HttpRequestException($"The token endpoint answered {(int)status}.", e, status);
        }
    }
}
