using System.Text;
using AuthService.Users;

namespace AuthService.Tests.OAuth;

/// <summary>Client authentication, the form of requests, and the client credentials grant.</summary>
[Collection(OAuthCollection.Name)]
public sealed class TokenEndpointTests(OAuthWorld world)
{
    private const string Orders = "orders-service:orders-secret-1";
    private const string Form = "grant_type=client_credentials";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Service_token_is_for_the_client_itself_and_has_nothing_of_a_user()
    {
        var answer = await world.AskAsync(Orders, ("grant_type", "client_credentials"));

        Assert.Equal(200, answer.Status);
        Assert.Equal(["access_token", "token_type", "expires_in", "scope"], answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal(("Bearer", "orders.read orders.write"), (answer.Json.GetProperty("token_type").GetString(), answer.Json.GetProperty("scope").GetString()));
        Assert.InRange(answer.Json.GetProperty("expires_in").GetInt64(), 295, 300);
        Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
        Assert.Equal(("orders-service", "orders-service", "gateway", "access"), (answer.Claim("sub"), answer.Claim("client_id"), answer.Claim("aud"), answer.Claim("token_type")));
        foreach (var absent in new[] { "sid", "auth_time", "roles", "name", "act" }) Assert.Null(answer.Claim(absent));
        Assert.Equal(200, await world.Service.VerifyStatusAsync(answer.Token));
    }

    [Theory]
    [InlineData("orders.read", "orders.read")]
    [InlineData("orders.write orders.read orders.write", "orders.write orders.read")]
    [InlineData("orders.read profile", null)]
    [InlineData("orders.read  orders.write", null)]
    [InlineData(" ", null)]
    [InlineData("ORDERS.READ", null)]
    public async Task Scope_is_what_was_asked_for_or_an_error(string scope, string? granted)
    {
        var answer = await world.AskAsync(Orders, ("grant_type", "client_credentials"), ("scope", scope));

        if (granted is null) Assert.Equal((400, "invalid_scope"), (answer.Status, answer.Error));
        else Assert.Equal((granted, granted), (answer.Claim("scope"), answer.Json.GetProperty("scope").GetString()));
    }

    [Fact]
    public async Task Secret_may_come_in_the_body()
    {
        var answer = await world.AskAsync(null, ("grant_type", "client_credentials"), ("client_id", "orders-service"), ("client_secret", "orders-secret-1"));

        Assert.Equal("orders-service", answer.Claim("sub"));
    }

    [Theory]
    [InlineData("orders%2Dservice:orders%2dsecret-1", 200)]
    [InlineData("orders-service:orders-secret-1x", 401)]
    [InlineData("orders-service:orders-secret-", 401)]
    [InlineData("orders-service:", 401)]
    [InlineData("orders-service", 401)]
    [InlineData(":orders-secret-1", 401)]
    [InlineData("nobody:orders-secret-1", 401)]
    [InlineData("sample-backend:orders-secret-1", 401)]
    [InlineData("orders-service:orders-secret-1%zz", 401)]
    [InlineData("orders-service:orders%2Dsecret%ff", 401)]
    [InlineData("demo-spa:", 401)]
    [InlineData("demo-spa:x", 401)]
    [InlineData("api:x", 401)]
    public async Task Basic_credentials_are_form_encoded_and_must_match(string credentials, int status)
    {
        var answer = await world.AskAsync(credentials, ("grant_type", "client_credentials"));

        Assert.Equal(status, answer.Status);
        if (status != 401) return;
        Assert.Equal("invalid_client", answer.Error);
        Assert.Equal("Basic realm=\"gateway\", charset=\"UTF-8\"", answer.Headers.WwwAuthenticate.ToString());
        Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
    }

    [Theory]
    [InlineData(Form, "Bearer abc")]
    [InlineData(Form, "Basic %%%")]
    [InlineData(Form, "Basic")]
    [InlineData(Form, null)]
    [InlineData(Form + "&client_id=orders-service", null)]
    [InlineData(Form + "&client_secret=orders-secret-1", null)]
    [InlineData(Form + "&client_id=orders-service&client_assertion=x&client_assertion_type=y", null)]
    public async Task Client_that_does_not_authenticate_is_refused_with_a_challenge(string body, string? authorization)
    {
        var answer = await world.SendAsync(body, authorization);

        Assert.Equal((401, "invalid_client"), (answer.Status, answer.Error));
        Assert.NotEmpty(answer.Headers.WwwAuthenticate);
    }

    [Theory]
    [InlineData("", "invalid_request")]
    [InlineData("grant_type=", "invalid_request")]
    [InlineData("Grant_type=client_credentials", "invalid_request")]
    [InlineData(Form + "&" + Form, "invalid_request")]
    [InlineData(Form + "&scope=orders.read&scope=orders.read", "invalid_request")]
    [InlineData(Form + "&client_secret=orders-secret-1", "invalid_request")]
    [InlineData(Form + "&client_id=sample-backend", "invalid_request")]
    [InlineData(Form + "&x=%", "invalid_request")]
    [InlineData(Form + "&x=%ff", "invalid_request")]
    [InlineData(Form + "&x=%00", "invalid_request")]
    [InlineData("grant_type=implicit", "unsupported_grant_type")]
    [InlineData("grant_type=password&username=alice&password=alice-password-1", "unauthorized_client")]
    [InlineData("grant_type=authorization_code&code=x", "unauthorized_client")]
    [InlineData("grant_type=refresh_token&refresh_token=x", "unauthorized_client")]
    public async Task Request_that_is_not_right_is_refused_as_the_standard_says(string body, string error)
    {
        var answer = await world.SendAsync(body, OAuthWorld.Basic(Orders));

        Assert.Equal((400, error), (answer.Status, answer.Error));
        Assert.Equal(["error", "error_description"], answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
    }

    [Theory]
    [InlineData("sample-backend:sample-backend-secret-1")]
    [InlineData("introspector:introspector-secret-1")]
    public async Task Client_without_the_grant_is_unauthorized(string client)
    {
        var answer = await world.AskAsync(client, ("grant_type", "client_credentials"));

        Assert.Equal((400, "unauthorized_client"), (answer.Status, answer.Error));
    }

    [Fact]
    public async Task Public_client_gets_no_service_token_even_if_it_has_the_grant()
    {
        await AddClientAsync("public-service", client => client.TokenEndpointAuthMethod = "none");

        var answer = await world.AskAsync(null, ("grant_type", "client_credentials"), ("client_id", "public-service"));

        Assert.Equal((400, "unauthorized_client"), (answer.Status, answer.Error));
    }

    [Theory]
    [InlineData("application/json", 400)]
    [InlineData("multipart/form-data; boundary=x", 400)]
    [InlineData("application/x-www-form-urlencoded; charset=utf-16", 400)]
    [InlineData("application/x-www-form-urlencoded; charset=utf-7", 400)]
    [InlineData("application/x-www-form-urlencoded; charset=\"utf-8\"", 200)]
    [InlineData("application/x-www-form-urlencoded; charset=UTF-8", 200)]
    [InlineData(null, 400)]
    public async Task Body_must_be_a_form(string? mediaType, int status)
    {
        var answer = await world.SendAsync(Form, OAuthWorld.Basic(Orders), mediaType);

        Assert.Equal(status, answer.Status);
        if (status == 400) Assert.Equal("invalid_request", answer.Error);
    }

    [Fact]
    public async Task Body_that_is_too_large_is_refused()
    {
        var answer = await world.SendAsync(Form + "&x=" + new string('a', 40_000), OAuthWorld.Basic(Orders));

        Assert.Equal((413, "invalid_request"), (answer.Status, answer.Error));
    }

    [Fact]
    public async Task Only_post_is_taken()
    {
        using var response = await world.Service.Client.GetAsync("/connect/token", Cancellation);

        Assert.Equal((405, "POST"), ((int)response.StatusCode, response.Content.Headers.Allow.Single()));
    }

    [Fact]
    public async Task Credentials_in_the_query_are_not_looked_at()
    {
        using var content = new StringContent(Form, Encoding.UTF8, "application/x-www-form-urlencoded");
        using var response = await world.Service.Client.PostAsync("/connect/token?client_id=orders-service&client_secret=orders-secret-1", content, Cancellation);

        Assert.Equal(401, (int)response.StatusCode);
    }

    [Fact]
    public async Task Secret_with_every_kind_of_character_authenticates_when_encoded()
    {
        const string secret = "a:b%c+d e&f=g/é李";
        await AddClientAsync("odd:client", client => client.SecretHash = ClientSecret.Hash(secret));

        var answer = await world.AskAsync($"{System.Net.WebUtility.UrlEncode("odd:client")}:{System.Net.WebUtility.UrlEncode(secret)}", ("grant_type", "client_credentials"));

        Assert.Equal("odd:client", answer.Claim("sub"));
    }

    [Fact]
    public async Task Disabled_client_gets_nothing()
    {
        await AddClientAsync("was-disabled", client => client.Disabled = true);

        var answer = await world.AskAsync("was-disabled:secret", ("grant_type", "client_credentials"));

        Assert.Equal((401, "invalid_client"), (answer.Status, answer.Error));
    }

    [Fact]
    public async Task Service_token_is_issued_after_the_clients_cut_off()
    {
        var cutOff = TimeProvider.System.GetUtcNow().AddSeconds(3).ToUnixTimeMilliseconds();
        await AddClientAsync("cut-off", client => client.NotBeforeMs = cutOff);

        var answer = await world.AskAsync("cut-off:secret", ("grant_type", "client_credentials"));

        Assert.Equal(cutOff + 1, IssueTimeMs(answer));
    }

    [Fact]
    public async Task Database_away_is_503_and_not_the_clients_fault()
    {
        world.Service.Database.Away = true;
        try
        {
            var answer = await world.AskAsync(Orders, ("grant_type", "client_credentials"));

            Assert.Equal(503, answer.Status);
            Assert.NotNull(answer.Headers.RetryAfter);
        }
        finally
        {
            world.Service.Database.Away = false;
        }
    }

    private static long IssueTimeMs(TokenAnswer answer) =>
        long.Parse(answer.Claim("jti")!.Replace("-", "", StringComparison.Ordinal)[..12], System.Globalization.NumberStyles.AllowHexSpecifier);

    private Task AddClientAsync(string id, Action<Client> change) => world.AddClientAsync(id, client =>
    {
        client.GrantTypes = ["client_credentials"];
        change(client);
    });
}
