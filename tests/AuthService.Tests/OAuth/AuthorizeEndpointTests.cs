namespace AuthService.Tests.OAuth;

/// <summary>Authorization requests: what leads to a code, what is told to the client, and what goes nowhere.</summary>
[Collection(OAuthCollection.Name)]
public sealed class AuthorizeEndpointTests(OAuthWorld world)
{
    [Fact]
    public async Task Signed_in_user_is_sent_back_with_a_code_and_the_issuer()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);

        var answer = await browser.AuthorizeAsync();

        Assert.Equal((303, OAuthBrowser.Redirect), (answer.Status, answer.Target));
        Assert.Equal(("s t&a=te", OAuthWorld.Issuer, null), (answer.Parameter("state"), answer.Parameter("iss"), answer.Parameter("error")));
        Assert.Equal(43, answer.Parameter("code")!.Length);
        Assert.Equal(("no-store", "no-referrer"), (answer.Headers["Cache-Control"], answer.Headers["Referrer-Policy"]));
    }

    [Theory]
    [InlineData("response_type", "token", "unsupported_response_type")]
    [InlineData("response_type", "code id_token", "unsupported_response_type")]
    [InlineData("response_type", null, "invalid_request")]
    [InlineData("response_mode", "fragment", "invalid_request")]
    [InlineData("response_mode", "form_post", "invalid_request")]
    [InlineData("code_challenge", null, "invalid_request")]
    [InlineData("code_challenge", "short", "invalid_request")]
    [InlineData("code_challenge", "*******************************************", "invalid_request")]
    [InlineData("code_challenge_method", null, "invalid_request")]
    [InlineData("code_challenge_method", "plain", "invalid_request")]
    [InlineData("code_challenge_method", "s256", "invalid_request")]
    [InlineData("scope", "openid unheard-of", "invalid_scope")]
    [InlineData("scope", "openid orders.read", "invalid_scope")]
    [InlineData("scope", "openid  profile", "invalid_scope")]
    [InlineData("scope", "offline_access", "invalid_scope")]
    [InlineData("prompt", "none login", "invalid_request")]
    [InlineData("prompt", "create", "invalid_request")]
    [InlineData("max_age", "-1", "invalid_request")]
    [InlineData("max_age", "soon", "invalid_request")]
    [InlineData("max_age", "99999999999999999999", "invalid_request")]
    [InlineData("request", "x.y.z", "request_not_supported")]
    [InlineData("request_uri", "https://evil.example/", "request_uri_not_supported")]
    [InlineData("registration", "{}", "registration_not_supported")]
    [InlineData("id_token_hint", "x.y.z", "invalid_request")]
    public async Task Fault_is_told_to_the_client(string name, string? value, string error)
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);

        var answer = await browser.AuthorizeAsync((name, value));

        Assert.Equal((303, OAuthBrowser.Redirect, error), (answer.Status, answer.Target, answer.Parameter("error")));
        Assert.Equal(("s t&a=te", OAuthWorld.Issuer, null), (answer.Parameter("state"), answer.Parameter("iss"), answer.Parameter("code")));
        Assert.Equal(("no-store", "no-referrer"), (answer.Headers["Cache-Control"], answer.Headers["Referrer-Policy"]));
        Assert.DoesNotContain("evil", answer.Location, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("scope", "openid")]
    [InlineData("nonce", "n-2")]
    [InlineData("code_challenge", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("prompt", "none")]
    [InlineData("state", "other")]
    [InlineData("response_type", "code")]
    [InlineData("anything", "x")]
    public async Task Parameter_twice_is_told_to_the_client(string name, string value)
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);

        var answer = await browser.GetAsync($"/connect/authorize?{OAuthBrowser.Query((name, value))}&{name}={value}");

        Assert.Equal((303, OAuthBrowser.Redirect, "invalid_request"), (answer.Status, answer.Target, answer.Parameter("error")));
        Assert.Equal(name == "state" ? null : "s t&a=te", answer.Parameter("state"));
    }

    [Theory]
    [InlineData("http://127.0.0.1/callback")]
    [InlineData("http://127.0.0.1:1/callback")]
    [InlineData("http://127.0.0.1:65535/callback")]
    public async Task Loopback_redirect_may_have_any_port(string redirect)
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);

        var answer = await browser.AuthorizeAsync(("redirect_uri", redirect));

        Assert.Equal((redirect, false), (answer.Target, answer.Parameter("code") is null));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("https://evil.example/callback")]
    [InlineData("http://localhost:4711/callback")]
    [InlineData("http://[::1]:4711/callback")]
    [InlineData("http://127.0.0.1:4711/callback/")]
    [InlineData("http://127.0.0.1:4711/callback?x=1")]
    [InlineData("http://127.0.0.1:4711/callback#x")]
    [InlineData("http://127.0.0.1:4711/Callback")]
    [InlineData("http://127.0.0.1:4711/call%62ack")]
    [InlineData("http://127.0.0.1:4711/x/../callback")]
    [InlineData("HTTP://127.0.0.1:4711/callback")]
    [InlineData("https://127.0.0.1:4711/callback")]
    [InlineData("http://127.0.0.1:04711/callback")]
    [InlineData("http://127.0.0.1:0/callback")]
    [InlineData("http://127.0.0.1:65536/callback")]
    [InlineData("http://127.0.0.1:/callback")]
    [InlineData("http://127.0.0.1:4711@evil.example/callback")]
    [InlineData("http://127.0.0.1.evil.example/callback")]
    [InlineData("http://127.0.0.1\\@evil.example/callback")]
    [InlineData("http://127.1/callback")]
    [InlineData("http://2130706433/callback")]
    [InlineData("//127.0.0.1/callback")]
    [InlineData("javascript:alert(1)")]
    public async Task Address_that_is_not_registered_gets_nothing(string? redirect)
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);

        var answer = await browser.AuthorizeAsync(("redirect_uri", redirect));

        Assert.Equal((400, null), (answer.Status, answer.Location));
        Assert.DoesNotContain("evil", answer.Body, StringComparison.Ordinal);
        Assert.Equal(("no-store", "no-referrer"), (answer.Headers["Cache-Control"], answer.Headers["Referrer-Policy"]));
    }

    [Theory]
    [InlineData("client_id=demo-spa&client_id=demo-spa&redirect_uri=http://127.0.0.1/callback")]
    [InlineData("client_id=demo-spa&redirect_uri=http://127.0.0.1/callback&redirect_uri=http://127.0.0.1/callback")]
    [InlineData("client_id=%3Cscript%3Ealert(1)%3C/script%3E&redirect_uri=http://127.0.0.1/callback")]
    [InlineData("redirect_uri=http://127.0.0.1/callback")]
    [InlineData("client_id=orders-service&redirect_uri=http://127.0.0.1/callback")]
    [InlineData("client_id=demo-spa%00&redirect_uri=http://127.0.0.1/callback")]
    [InlineData("client_id=demo-spa&redirect_uri=http://127.0.0.1/callback&state=%0d%0aLocation:x")]
    [InlineData("client_id=demo-spa&redirect_uri=http://127.0.0.1/callback&state=%ff")]
    [InlineData("")]
    public async Task Request_of_an_unclear_client_gets_an_error_page_that_repeats_nothing(string query)
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);

        var answer = await browser.GetAsync("/connect/authorize?" + query);

        Assert.Equal((400, null), (answer.Status, answer.Location));
        Assert.DoesNotContain("alert", answer.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task State_comes_back_as_it_was_and_cannot_break_out()
    {
        const string state = "a+b/c==&error=x\"><script>é李%0d%0a";
        using var browser = await OAuthBrowser.SignedInAsync(world);

        var answer = await browser.AuthorizeAsync(("state", state));

        Assert.Equal((state, null), (answer.Parameter("state"), answer.Parameter("error")));
    }

    [Fact]
    public async Task Parameter_without_end_is_refused()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);

        Assert.Equal("invalid_request", (await browser.AuthorizeAsync(("nonce", new string('n', 3000)))).Parameter("error"));
        Assert.Equal(("invalid_request", null), await StateOfAsync(new string('s', 3000)));

        async Task<(string?, string?)> StateOfAsync(string state)
        {
            var answer = await browser.AuthorizeAsync(("state", state));
            return (answer.Parameter("error"), answer.Parameter("state"));
        }
    }

    [Fact]
    public async Task Client_without_the_grant_is_told_so()
    {
        await world.AddClientAsync("no-codes", client => client.RedirectUris = ["https://no-codes.example/cb"]);
        using var browser = await OAuthBrowser.SignedInAsync(world);

        var answer = await browser.AuthorizeAsync(("client_id", "no-codes"), ("redirect_uri", "https://no-codes.example/cb"), ("scope", null));

        Assert.Equal(("https://no-codes.example/cb", "unauthorized_client"), (answer.Target, answer.Parameter("error")));
    }

    [Fact]
    public async Task Registered_query_stays_in_the_answer()
    {
        await world.AddThirdPartyAsync("with-query", "openid");
        await world.AddClientAsync("with-query-2", client =>
        {
            (client.FirstParty, client.GrantTypes, client.Scopes, client.RedirectUris) = (true, ["authorization_code"], ["openid"], ["https://q.example/cb?tenant=7"]);
        });
        using var browser = await OAuthBrowser.SignedInAsync(world);

        var answer = await browser.AuthorizeAsync(("client_id", "with-query-2"), ("redirect_uri", "https://q.example/cb?tenant=7"), ("scope", "openid"));

        Assert.StartsWith("https://q.example/cb?tenant=7&code=", answer.Location, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_is_taken_and_asks_the_browser_again_for_its_cookies()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);

        var posted = await browser.SendAsync(HttpMethod.Post, "/connect/authorize", OAuthBrowser.Query(), crossSite: true);
        Assert.Equal((303, "/connect/authorize/resume"), (posted.Status, posted.Target));
        var answer = await browser.GetAsync(posted.Location!);

        Assert.Equal((303, OAuthBrowser.Redirect, false), (answer.Status, answer.Target, answer.Parameter("code") is null));
    }

    [Fact]
    public async Task Parameters_of_a_posted_request_come_from_the_body_alone()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);

        Assert.Equal(400, (await browser.SendAsync(HttpMethod.Post, "/connect/authorize?" + OAuthBrowser.Query(), "")).Status);
    }

    [Theory]
    [InlineData("PUT")]
    [InlineData("OPTIONS")]
    [InlineData("HEAD")]
    public async Task No_other_method_is_taken(string method)
    {
        using var browser = new OAuthBrowser(world);

        Assert.Equal(405, (await browser.SendAsync(new HttpMethod(method), "/connect/authorize?" + OAuthBrowser.Query())).Status);
    }
}
