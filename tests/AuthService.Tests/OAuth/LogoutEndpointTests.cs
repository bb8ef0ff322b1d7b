using AuthService.SignIn;

namespace AuthService.Tests.OAuth;

/// <summary>Sign-out for a client: what ends, who is asked, and where the browser goes.</summary>
[Collection(OAuthCollection.Name)]
public sealed class LogoutEndpointTests(OAuthWorld world)
{
    private const string Bye = "http://127.0.0.1:4711/";

    [Fact]
    public async Task Hint_ends_the_sign_in_and_every_session_from_it()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var first = await browser.TokensAsync();
        var second = await browser.TokensAsync();
        var elsewhere = await world.Service.SignInAsync();

        var answer = await browser.GetAsync("/connect/logout?" + OAuthBrowser.Encode([("id_token_hint", first.IdToken), ("post_logout_redirect_uri", Bye), ("state", "s&1")]));

        Assert.Equal((303, Bye, "s&1"), (answer.Status, answer.Target, answer.Parameter("state")));
        Assert.Equal(("no-store", "no-referrer"), (answer.Headers["Cache-Control"], answer.Headers["Referrer-Policy"]));
        Assert.False(browser.Has(SignInCookie.Name));
        foreach (var token in (string[])[first.Token, first.Refresh!, second.Token, second.Refresh!]) Assert.Equal(401, await world.Service.VerifyStatusAsync(token));
        Assert.Equal(200, await world.Service.VerifyStatusAsync(elsewhere.Access));
        Assert.Equal("/connect/signin", (await browser.AuthorizeAsync()).Target);
    }

    [Fact]
    public async Task Without_a_hint_the_person_is_asked()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();

        foreach (var query in (string[])["", "?client_id=demo-spa&post_logout_redirect_uri=http://127.0.0.1:4711/", "?id_token_hint=x.y.z", "?id_token_hint=" + tokens.Token])
        {
            var answer = await browser.GetAsync("/connect/logout" + query);
            Assert.Equal((303, "/connect/signout"), (answer.Status, answer.Target));
        }

        Assert.Equal(200, await world.Service.VerifyStatusAsync(tokens.Token));
    }

    [Fact]
    public async Task Hint_of_somebody_else_does_not_sign_this_person_out()
    {
        using var bob = await OAuthBrowser.SignedInAsync(world, "bob");
        var hint = (await bob.TokensAsync()).IdToken;
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();

        Assert.Equal("/connect/signout", (await browser.GetAsync("/connect/logout?id_token_hint=" + hint)).Target);

        Assert.Equal(200, await world.Service.VerifyStatusAsync(tokens.Token));
    }

    [Fact]
    public async Task Posted_sign_out_from_another_site_reaches_the_sign_in()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();

        var posted = await browser.SendAsync(HttpMethod.Post, "/connect/logout", OAuthBrowser.Encode([("id_token_hint", tokens.IdToken), ("post_logout_redirect_uri", Bye)]), crossSite: true);
        Assert.Equal((303, "/connect/logout"), (posted.Status, posted.Target));
        Assert.Equal(200, await world.Service.VerifyStatusAsync(tokens.Token));
        Assert.Equal(Bye, (await browser.GetAsync(posted.Location!)).Target);

        Assert.Equal(401, await world.Service.VerifyStatusAsync(tokens.Token));
        Assert.Equal(400, (await browser.GetAsync(posted.Location!)).Status);
    }

    [Fact]
    public async Task Browser_that_lost_its_cookie_still_ends_the_session_of_the_hint()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();
        browser.ForgetSignIn();

        Assert.Equal("/connect/signed-out", (await browser.GetAsync("/connect/logout?id_token_hint=" + tokens.IdToken)).Target);

        Assert.Equal(401, await world.Service.VerifyStatusAsync(tokens.Token));
    }

    [Fact]
    public async Task Nobody_is_signed_in_and_nobody_is_asked()
    {
        using var browser = new OAuthBrowser(world);

        Assert.Equal(Bye, (await browser.GetAsync("/connect/logout?client_id=demo-spa&post_logout_redirect_uri=" + Bye)).Target);
        Assert.Equal("/connect/signed-out", (await browser.GetAsync("/connect/logout")).Target);
        Assert.Equal("/connect/signed-out", (await browser.SendAsync(HttpMethod.Post, "/connect/logout")) is { Status: 303 } posted ? (await browser.GetAsync(posted.Location!)).Target : null);
    }

    [Theory]
    [InlineData("post_logout_redirect_uri=http://127.0.0.1:4711/")]
    [InlineData("client_id=demo-spa&post_logout_redirect_uri=https://evil.example/")]
    [InlineData("client_id=demo-spa&post_logout_redirect_uri=http://127.0.0.1:4711/callback")]
    [InlineData("client_id=demo-spa&post_logout_redirect_uri=http://127.0.0.1:4711")]
    [InlineData("client_id=demo-spa&post_logout_redirect_uri=http://127.0.0.1:4711/&post_logout_redirect_uri=https://evil.example/")]
    [InlineData("client_id=demo-spa&post_logout_redirect_uri=http://localhost:4711/")]
    [InlineData("client_id=orders-service&post_logout_redirect_uri=http://127.0.0.1:4711/")]
    [InlineData("client_id=nobody&post_logout_redirect_uri=http://127.0.0.1:4711/")]
    [InlineData("client_id=%3Cscript%3Ealert(1)%3C/script%3E")]
    public async Task Address_that_is_not_registered_gets_nothing_and_nobody_is_signed_out(string query)
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();

        var answer = await browser.GetAsync($"/connect/logout?{query}");

        Assert.Equal((400, null), (answer.Status, answer.Location));
        Assert.DoesNotContain("evil", answer.Body, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", answer.Body, StringComparison.Ordinal);
        Assert.Equal(200, await world.Service.VerifyStatusAsync(tokens.Token));
    }

    [Fact]
    public async Task Client_and_hint_must_agree()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();

        Assert.Equal(400, (await browser.GetAsync($"/connect/logout?client_id=orders-service&id_token_hint={tokens.IdToken}")).Status);
    }
}
