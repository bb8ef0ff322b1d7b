using System.Text;
using System.Text.Json;

namespace AuthService.Tests.OAuth;

/// <summary>Revocation, introspection and user info: who may ask, and what of which token.</summary>
[Collection(OAuthCollection.Name)]
public sealed class TokenStatusTests(OAuthWorld world)
{
    private const string Introspector = "introspector:introspector-secret-1";
    private const string Orders = "orders-service:orders-secret-1";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Revoked_access_token_is_dead_and_its_session_is_not()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();

        var answer = await PostAsync("/connect/revocation", null, ("client_id", "demo-spa"), ("token", tokens.Token), ("token_type_hint", "refresh_token"));

        Assert.Equal((200, "", null), (answer.Status, answer.Body, answer.ContentType));
        Assert.Equal("no-store", answer.CacheControl);
        Assert.Equal(401, await world.Service.VerifyStatusAsync(tokens.Token));
        Assert.Equal(200, await world.Service.VerifyStatusAsync(tokens.Refresh!));
        Assert.Equal(200, (await PostAsync("/connect/revocation", null, ("client_id", "demo-spa"), ("token", tokens.Token))).Status);
    }

    [Fact]
    public async Task Revoked_refresh_token_ends_its_session()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();

        Assert.Equal(200, (await PostAsync("/connect/revocation", null, ("client_id", "demo-spa"), ("token", tokens.Refresh!))).Status);

        Assert.Equal(401, await world.Service.VerifyStatusAsync(tokens.Token));
        Assert.Equal(401, await world.Service.VerifyStatusAsync(tokens.Refresh!));
    }

    [Fact]
    public async Task Token_of_another_client_is_not_revoked()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();

        foreach (var token in (string[])[tokens.Token, tokens.Refresh!])
        {
            var answer = await PostAsync("/connect/revocation", Orders, ("token", token));
            Assert.Equal((400, "invalid_grant"), (answer.Status, answer.Json.GetProperty("error").GetString()));
            Assert.Equal(200, await world.Service.VerifyStatusAsync(token));
        }
    }

    [Theory]
    [InlineData("nonsense", 200)]
    [InlineData("gwr_nonsense", 200)]
    [InlineData("a.b.c", 200)]
    [InlineData("", 400)]
    public async Task Token_that_is_none_is_revoked_already(string token, int status) =>
        Assert.Equal(status, (await PostAsync("/connect/revocation", Orders, ("token", token))).Status);

    [Theory]
    [InlineData("/connect/revocation")]
    [InlineData("/connect/introspect")]
    public async Task Client_must_authenticate(string path)
    {
        foreach (var client in (string?[])["orders-service:wrong", "nobody:x", null])
        {
            var answer = await PostAsync(path, client, ("token", "x"));
            Assert.Equal((401, "invalid_client", true), (answer.Status, answer.Json.GetProperty("error").GetString(), answer.Challenge.StartsWith("Basic ", StringComparison.Ordinal)));
        }

        Assert.Equal(405, (int)(await world.Service.Client.GetAsync(path + "?token=x", Cancellation)).StatusCode);
    }

    [Fact]
    public async Task Introspection_tells_what_a_token_is_good_for_until_it_is_not()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();

        var access = await IntrospectAsync(tokens.Token);
        Assert.Equal(
            (true, "Bearer", "demo-spa", "openid profile", tokens.Claim("sub"), tokens.Claim("sid"), "gateway"),
            (access.GetProperty("active").GetBoolean(), access.GetProperty("token_type").GetString(), access.GetProperty("client_id").GetString(), access.GetProperty("scope").GetString(),
                access.GetProperty("sub").GetString(), access.GetProperty("sid").GetString(), access.GetProperty("aud").GetString()));
        var refresh = await IntrospectAsync(tokens.Refresh!);
        Assert.Equal((true, "demo-spa"), (refresh.GetProperty("active").GetBoolean(), refresh.GetProperty("client_id").GetString()));
        Assert.True((await IntrospectAsync((await world.AskAsync(Orders, ("grant_type", "client_credentials"))).Token)).GetProperty("active").GetBoolean());

        using var logout = await world.Service.SendAsync(HttpMethod.Post, "/api/logout", tokens.Token);
        Assert.Equal(200, (int)logout.StatusCode);
        foreach (var dead in (string[])[tokens.Token, tokens.Refresh!, tokens.IdToken!, "nonsense", "gwr_nonsense", world.IdentityToken(tokens.Token)])
            Assert.Equal("""{"active":false}""", (await IntrospectAsync(dead)).GetRawText());
    }

    [Fact]
    public async Task Introspection_is_for_clients_that_may()
    {
        var answer = await PostAsync("/connect/introspect", Orders, ("token", "x"));
        Assert.Equal((400, "unauthorized_client"), (answer.Status, answer.Json.GetProperty("error").GetString()));
        Assert.Equal(401, (await PostAsync("/connect/introspect", null, ("client_id", "demo-spa"), ("token", "x"))).Status);
        Assert.Equal("invalid_request", (await PostAsync("/connect/introspect", Introspector)).Json.GetProperty("error").GetString());
    }

    [Theory]
    [InlineData("openid profile", true)]
    [InlineData("openid", false)]
    public async Task User_info_is_what_the_scopes_allow(string scope, bool named)
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync(("scope", scope));

        foreach (var method in (HttpMethod[])[HttpMethod.Get, HttpMethod.Post])
        {
            using var answer = await world.Service.SendAsync(method, "/connect/userinfo", tokens.Token);
            var claims = await Tokens.RunningService.JsonAsync(answer);
            Assert.Equal((200, "no-store", tokens.Claim("sub")), ((int)answer.StatusCode, answer.Headers.CacheControl?.ToString(), claims.GetProperty("sub").GetString()));
            Assert.Equal(named ? ["sub", "name", "preferred_username"] : ["sub"], claims.EnumerateObject().Select(claim => claim.Name));
        }
    }

    [Fact]
    public async Task User_info_needs_an_access_token_with_openid()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();
        string?[] refused = [null, "", "x", tokens.IdToken, tokens.Refresh, world.IdentityToken(tokens.Token)];

        foreach (var token in refused)
        {
            using var answer = await world.Service.SendAsync(HttpMethod.Get, "/connect/userinfo", token);
            Assert.Equal(401, (int)answer.StatusCode);
            Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.Single().Scheme);
        }

        using var narrow = await world.Service.SendAsync(HttpMethod.Get, "/connect/userinfo", (await world.Service.SignInAsync()).Access);
        Assert.Equal((403, true), ((int)narrow.StatusCode, narrow.Headers.WwwAuthenticate.ToString().Contains("insufficient_scope", StringComparison.Ordinal)));
        using var query = await world.Service.Client.GetAsync("/connect/userinfo?access_token=" + tokens.Token, Cancellation);
        Assert.Equal(401, (int)query.StatusCode);
    }

    [Fact]
    public async Task No_token_is_taken_for_another_kind()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();
        var code = await browser.CodeAsync();

        foreach (var token in (string[])[tokens.IdToken!, tokens.Refresh!, code])
        {
            using var answer = await world.Service.SendAsync(HttpMethod.Get, "/api/sessions", token);
            Assert.Equal(401, (int)answer.StatusCode);
            Assert.NotEqual(200, (await world.ExchangeAsync(Orders, token)).Status);
            Assert.NotEqual(200, (await world.ExchangeAsync("sample-backend:sample-backend-secret-1", token, OAuthWorld.JwtType)).Status);
        }

        foreach (var token in (string[])[tokens.IdToken!, tokens.Token, code])
        {
            Assert.Equal("invalid_grant", (await world.AskAsync(null, ("grant_type", "refresh_token"), ("client_id", "demo-spa"), ("refresh_token", token))).Error);
            Assert.Equal(401, await world.Service.RefreshStatusAsync(token));
        }

        foreach (var token in (string[])[tokens.IdToken!, tokens.Token, tokens.Refresh!]) Assert.Equal("invalid_grant", (await browser.RedeemAsync(token)).Error);
        foreach (var token in (string[])[tokens.IdToken!, code]) Assert.Equal(401, await world.Service.VerifyStatusAsync(token));
        foreach (var token in (string[])[tokens.Token, tokens.Refresh!, code]) Assert.Equal("invalid_request", (await browser.AuthorizeAsync(("id_token_hint", token))).Parameter("error"));
    }

    private async Task<JsonElement> IntrospectAsync(string token)
    {
        var answer = await PostAsync("/connect/introspect", Introspector, ("token", token));
        Assert.Equal((200, "no-store", "application/json"), (answer.Status, answer.CacheControl, answer.ContentType));
        return answer.Json;
    }

    private async Task<Answer> PostAsync(string path, string? client, params (string Name, string? Value)[] form)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(OAuthBrowser.Encode(form), Encoding.UTF8, "application/x-www-form-urlencoded") };
        if (client is not null) request.Headers.TryAddWithoutValidation("Authorization", OAuthWorld.Basic(client));
        using var response = await world.Service.Client.SendAsync(request, Cancellation);
        return new Answer(
            (int)response.StatusCode, await response.Content.ReadAsStringAsync(Cancellation), response.Content.Headers.ContentType?.ToString(), response.Headers.CacheControl?.ToString(),
            response.Headers.WwwAuthenticate.ToString());
    }

    private sealed record Answer(int Status, string Body, string? ContentType, string? CacheControl, string Challenge)
    {
        public JsonElement Json
        {
            get
            {
                using var document = JsonDocument.Parse(Body);
                return document.RootElement.Clone();
            }
        }
    }
}
