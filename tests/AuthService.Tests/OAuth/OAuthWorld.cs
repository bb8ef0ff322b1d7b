using System.Buffers.Text;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using AuthService.Tests.Tokens;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Testing;

namespace AuthService.Tests.OAuth;

/// <summary>The running service, and a gateway's key server on a real socket whose keys the tests sign with.</summary>
public sealed class OAuthWorld : IAsyncLifetime
{
    internal const string Issuer = "http://issuer.test";
    internal const string Exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    internal const string AccessTokenType = "urn:ietf:params:oauth:token-type:access_token";
    internal const string JwtType = "urn:ietf:params:oauth:token-type:jwt";

    internal SigningKey GatewayKey { get; } = SigningKey.Create(kid: "gateway-1");

    internal KeyServer Gateway { get; private set; } = null!;

    internal RunningService Service { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Gateway = await KeyServer.StartAsync(GatewayKey);
        Service = new RunningService { Settings = [$"AuthService:IdentityKeysAddress={Gateway.Issuer}/jwks"] };
        await Service.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Service.DisposeAsync();
        await Gateway.DisposeAsync();
        GatewayKey.Dispose();
    }

    /// <summary>Asks the token endpoint; a client is written <c>id:secret</c>.</summary>
    internal Task<TokenAnswer> AskAsync(string? client, params (string Name, string Value)[] form) =>
        SendAsync(string.Join('&', form.Select(pair => $"{WebUtility.UrlEncode(pair.Name)}={WebUtility.UrlEncode(pair.Value)}")), client is null ? null : Basic(client));

    internal async Task<TokenAnswer> SendAsync(string body, string? authorization, string? mediaType = "application/x-www-form-urlencoded", HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Post, "/connect/token");
        if (method != HttpMethod.Get)
        {
            request.Content = new ByteArrayContent(Encoding.Latin1.GetBytes(body));
            if (mediaType is not null) request.Content.Headers.TryAddWithoutValidation("Content-Type", mediaType);
        }

        // Each from an address of its own: what one test does wrong slows no other.
        request.Headers.Add("X-Forwarded-For", $"198.18.{Random.Shared.Next(256)}.{Random.Shared.Next(256)}");
        if (authorization is not null) request.Headers.TryAddWithoutValidation("Authorization", authorization);
        using var response = await Service.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return new TokenAnswer((int)response.StatusCode, response.Headers, await RunningService.JsonAsync(response));
    }

    /// <summary>A user as the service reads it.</summary>
    internal async Task<AccountState> AccountAsync(string user)
    {
        var id = Guid.Empty;
        await Service.InDatabaseAsync(async database =>
            id = await database.Users.Where(row => row.UserName == user).Select(row => row.Id).SingleAsync(TestContext.Current.CancellationToken));
        return await Service.Services.GetRequiredService<AccountReader>().ReadAsync(id, Client.Api, sid: null, TestContext.Current.CancellationToken)
            ?? throw new InvalidOperationException($"There is no user {user}.");
    }

    /// <summary>Adds a client unless a test before has.</summary>
    internal Task AddClientAsync(string id, Action<Client> change) => Service.InDatabaseAsync(async database =>
    {
        if (await database.Clients.AnyAsync(client => client.ClientId == id, TestContext.Current.CancellationToken)) return;
        var client = new Client { ClientId = id, Name = id, SecretHash = ClientSecret.Hash("secret"), TokenEndpointAuthMethod = "client_secret_basic" };
        change(client);
        database.Add(client);
    });

    /// <summary>A client of somebody else, for users who sign in.</summary>
    internal Task AddThirdPartyAsync(string id, params string[] scopes) => AddClientAsync(id, client =>
    {
        client.TokenEndpointAuthMethod = "client_secret_basic";
        client.GrantTypes = ["authorization_code", "refresh_token"];
        client.RedirectUris = [$"https://{id}.example/cb"];
        client.PostLogoutRedirectUris = [$"https://{id}.example/bye"];
        client.Scopes = scopes;
    });

    internal static string Basic(string credentials) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials));

    /// <summary>Exchanges a token; further parameters may follow.</summary>
    internal Task<TokenAnswer> ExchangeAsync(string client, string subject, string type = AccessTokenType, params (string, string)[] more) =>
        AskAsync(client, [("grant_type", Exchange), ("subject_token", subject), ("subject_token_type", type), .. more]);

    /// <summary>What a gateway would make of an access token for one of its clusters.</summary>
    internal string IdentityToken(string access, string audience = "sample-backend", Action<JsonObject>? payload = null, Action<JsonObject>? header = null, SigningKey? key = null)
    {
        var claims = JsonNode.Parse(Base64Url.DecodeFromChars(access.Split('.')[1]))!.AsObject();
        var now = DateTimeOffset.FromUnixTimeSeconds(claims["iat"]!.GetValue<long>());
        claims["aud"] = audience;
        claims["iss"] = Issuer;
        claims["access_jti"] = claims["jti"]!.GetValue<string>();
        claims["jti"] = Guid.CreateVersion7(now).ToString();
        claims["exp"] = now.ToUnixTimeSeconds() + 60;
        claims.Remove("token_type");
        payload?.Invoke(claims);
        var head = new JsonObject { ["alg"] = "ES256", ["typ"] = "identity+jwt", ["kid"] = (key ?? GatewayKey).Kid };
        header?.Invoke(head);
        return TokenForge.Sign(key ?? GatewayKey, head.ToJsonString(), claims.ToJsonString());
    }
}

internal sealed record TokenAnswer(int Status, HttpResponseHeaders Headers, JsonElement Json)
{
    public string? Error => Json.TryGetProperty("error", out var error) ? error.GetString() : null;

    public string Token => Status == 200 ? Json.GetProperty("access_token").GetString()! : throw new InvalidOperationException(ToString());

    public string? IdToken => Json.TryGetProperty("id_token", out var token) ? token.GetString() : null;

    public string? Refresh => Json.TryGetProperty("refresh_token", out var token) ? token.GetString() : null;

    public JsonElement Claims
    {
        get
        {
            using var document = JsonDocument.Parse(Base64Url.DecodeFromChars(Token.Split('.')[1]));
            return document.RootElement.Clone();
        }
    }

    public string? Claim(string name) => Claims.TryGetProperty(name, out var value) ? value.ToString() : null;

    public override string ToString() => $"{Status} {Json}";
}
