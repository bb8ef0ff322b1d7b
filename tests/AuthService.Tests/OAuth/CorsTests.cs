using System.Net.Http.Headers;

namespace AuthService.Tests.OAuth;

/// <summary>Which pages may read which answers; and what the metadata says.</summary>
[Collection(OAuthCollection.Name)]
public sealed class CorsTests(OAuthWorld world)
{
    private const string Own = "http://127.0.0.1:5173";

    [Theory]
    [InlineData("GET", "/.well-known/openid-configuration", 200)]
    [InlineData("GET", "/.well-known/oauth-authorization-server", 200)]
    [InlineData("GET", "/.well-known/jwks.json", 200)]
    [InlineData("POST", "/connect/token", 400)]
    [InlineData("GET", "/connect/token", 405)]
    [InlineData("POST", "/connect/revocation", 401)]
    [InlineData("GET", "/connect/userinfo", 401)]
    [InlineData("POST", "/connect/userinfo", 401)]
    public async Task Page_of_a_client_may_read_answers_and_errors(string method, string path, int status)
    {
        var (code, headers) = await SendAsync(method, path, Own);

        Assert.Equal((status, Own), (code, headers["Access-Control-Allow-Origin"]));
        Assert.Contains("Origin", headers["Vary"], StringComparison.Ordinal);
        Assert.False(headers.ContainsKey("Access-Control-Allow-Credentials"));
    }

    [Theory]
    [InlineData("/connect/token", "POST")]
    [InlineData("/connect/revocation", "POST")]
    [InlineData("/connect/userinfo", "GET, POST")]
    [InlineData("/.well-known/openid-configuration", "GET")]
    public async Task Preflight_is_answered(string path, string methods)
    {
        var (status, headers) = await SendAsync("OPTIONS", path, Own, preflight: "POST");

        Assert.Equal((204, Own, methods), (status, headers["Access-Control-Allow-Origin"], headers["Access-Control-Allow-Methods"]));
        Assert.Contains("Authorization", headers["Access-Control-Allow-Headers"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://evil.example")]
    [InlineData("null")]
    [InlineData("http://localhost:5173")]
    [InlineData("https://127.0.0.1:5173")]
    [InlineData("http://127.0.0.1.evil.example")]
    [InlineData("http://127.0.0.1:5173/")]
    [InlineData("http://127.0.0.1:x")]
    [InlineData("HTTP://127.0.0.1:5173")]
    [InlineData("")]
    public async Task Page_of_a_stranger_may_not(string origin)
    {
        foreach (var (method, preflight) in ((string, string?)[])[("GET", null), ("OPTIONS", "GET")])
        {
            var (_, headers) = await SendAsync(method, "/.well-known/openid-configuration", origin, preflight);
            Assert.DoesNotContain(headers, header => header.Key.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase));
            Assert.Contains("Origin", headers["Vary"], StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("GET", "/connect/authorize")]
    [InlineData("GET", "/connect/authorize/resume")]
    [InlineData("OPTIONS", "/connect/authorize")]
    [InlineData("GET", "/connect/logout")]
    [InlineData("OPTIONS", "/connect/logout")]
    [InlineData("POST", "/connect/introspect")]
    [InlineData("OPTIONS", "/connect/introspect")]
    [InlineData("GET", "/connect/signin")]
    [InlineData("POST", "/api/token")]
    [InlineData("OPTIONS", "/connect/token/")]
    public async Task No_page_reads_the_others(string method, string path)
    {
        var (_, headers) = await SendAsync(method, path, Own, method == "OPTIONS" ? "POST" : null);

        Assert.DoesNotContain(headers, header => header.Key.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Origin_of_a_new_client_counts_and_of_a_disabled_one_does_not()
    {
        await world.AddThirdPartyAsync("new-origin", "openid");
        await world.AddClientAsync("disabled-origin", client => (client.Disabled, client.GrantTypes, client.RedirectUris) = (true, ["authorization_code"], ["https://disabled-origin.example/cb"]));

        await Testing.Eventually.TrueAsync(
            async () => (await SendAsync("GET", "/.well-known/jwks.json", "https://new-origin.example")).Headers.ContainsKey("Access-Control-Allow-Origin"), "the client is known",
            TestContext.Current.CancellationToken);
        Assert.False((await SendAsync("GET", "/.well-known/jwks.json", "https://disabled-origin.example")).Headers.ContainsKey("Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData("/.well-known/openid-configuration")]
    [InlineData("/.well-known/oauth-authorization-server")]
    public async Task Metadata_says_what_is_true(string path)
    {
        using var response = await world.Service.Client.GetAsync(path, TestContext.Current.CancellationToken);
        var metadata = await Tokens.RunningService.JsonAsync(response);

        foreach (var (member, at) in ((string, string)[])[("authorization_endpoint", "/connect/authorize"), ("token_endpoint", "/connect/token"), ("userinfo_endpoint", "/connect/userinfo"),
            ("end_session_endpoint", "/connect/logout"), ("revocation_endpoint", "/connect/revocation"), ("introspection_endpoint", "/connect/introspect"), ("jwks_uri", "/.well-known/jwks.json"), ("issuer", "")])
            Assert.Equal(OAuthWorld.Issuer + at, metadata.GetProperty(member).GetString());
        Assert.True(metadata.GetProperty("authorization_response_iss_parameter_supported").GetBoolean());
        Assert.Equal(["code"], List("response_types_supported"));
        Assert.Equal(["S256"], List("code_challenge_methods_supported"));
        Assert.Equal(["ES256"], List("id_token_signing_alg_values_supported"));
        Assert.Equal(["client_secret_basic", "client_secret_post", "private_key_jwt", "none"], List("token_endpoint_auth_methods_supported"));
        Assert.DoesNotContain("none", List("introspection_endpoint_auth_methods_supported"));
        Assert.Superset(new HashSet<string> { "authorization_code", "refresh_token", "client_credentials", OAuthWorld.Exchange }, List("grant_types_supported").ToHashSet());
        Assert.Superset(new HashSet<string> { "openid", "profile", "email", "offline_access", "orders.read", "orders.write" }, List("scopes_supported").ToHashSet());
        Assert.DoesNotContain("unheard-of", List("scopes_supported"));

        List<string> List(string member) => [.. metadata.GetProperty(member).EnumerateArray().Select(value => value.GetString()!)];
    }

    private async Task<(int Status, Dictionary<string, string> Headers)> SendAsync(string method, string path, string origin, string? preflight = null)
    {
        using var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = world.Service.Client.BaseAddress };
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.TryAddWithoutValidation("Origin", origin);
        if (preflight is not null) request.Headers.Add("Access-Control-Request-Method", preflight);
        if (method == "POST") request.Content = new ByteArrayContent([]) { Headers = { ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded") } };
        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, response.Headers.ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase));
    }
}
