using AuthService.OAuth.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace AuthService.Tests.OAuth;

/// <summary>Authorizations that need a page: sign-in, consent, prompts, ages, and tickets in the wrong hands.</summary>
[Collection(OAuthCollection.Name)]
public sealed class SignInFlowTests(OAuthWorld world)
{
    private PendingAuthorizations Pending => world.Service.Services.GetRequiredService<PendingAuthorizations>();

    [Fact]
    public async Task Stranger_signs_in_and_comes_back_to_a_code()
    {
        using var browser = new OAuthBrowser(world);

        var page = await browser.AuthorizeAsync();
        Assert.Equal((303, "/connect/signin"), (page.Status, page.Target));
        await browser.SignInAsync();
        var answer = await browser.GetAsync(PendingAuthorizations.ResumeUrl(page.Ticket!));

        Assert.Equal((OAuthBrowser.Redirect, 200), (answer.Target, (await browser.RedeemAsync(answer.Parameter("code")!)).Status));
    }

    [Fact]
    public async Task Ticket_is_good_once()
    {
        using var browser = new OAuthBrowser(world);
        var ticket = (await browser.AuthorizeAsync()).Ticket!;
        await browser.SignInAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => browser.GetAsync(PendingAuthorizations.ResumeUrl(ticket))));

        Assert.Single(answers, answer => answer.Parameter("code") is not null);
        Assert.All(answers.Where(answer => answer.Parameter("code") is null), answer => Assert.Equal((400, null), (answer.Status, answer.Location)));
    }

    [Fact]
    public async Task Ticket_of_another_browser_is_worth_nothing()
    {
        using var attacker = new OAuthBrowser(world);
        var ticket = (await attacker.AuthorizeAsync()).Ticket!;
        using var victim = await OAuthBrowser.SignedInAsync(world, "bob");
        Assert.NotNull((await victim.AuthorizeAsync()).Parameter("code"));

        Assert.Equal((400, null), await ResumeAsync(victim, ticket));
        await victim.AuthorizeAsync(("prompt", "login"));
        Assert.True(victim.Has("gwid_browser"));
        Assert.Equal((400, null), await ResumeAsync(victim, ticket));

        static async Task<(int, string?)> ResumeAsync(OAuthBrowser browser, string ticket)
        {
            var answer = await browser.GetAsync(PendingAuthorizations.ResumeUrl(ticket));
            return (answer.Status, answer.Location);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("?ticket=")]
    [InlineData("?ticket=x")]
    [InlineData("?ticket=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("?ticket=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA&ticket=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task Ticket_that_is_none_is_an_error_page(string query)
    {
        using var browser = new OAuthBrowser(world);
        await browser.AuthorizeAsync();

        Assert.Equal(400, (await browser.GetAsync("/connect/authorize/resume" + query)).Status);
    }

    [Fact]
    public async Task Prompt_none_never_shows_a_page()
    {
        using var browser = new OAuthBrowser(world);

        Assert.Equal((OAuthBrowser.Redirect, "login_required"), await AnswerAsync());
        await browser.SignInAsync();
        Assert.Equal((OAuthBrowser.Redirect, null), await AnswerAsync());

        async Task<(string?, string?)> AnswerAsync()
        {
            var answer = await browser.AuthorizeAsync(("prompt", "none"));
            return (answer.Target, answer.Parameter("error"));
        }
    }

    [Theory]
    [InlineData("prompt", "login")]
    [InlineData("max_age", "0")]
    public async Task Signed_in_user_must_sign_in_again_when_the_client_says_so(string name, string value)
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);

        var page = await browser.AuthorizeAsync((name, value));
        Assert.Equal("/connect/signin", page.Target);
        Assert.Equal("/connect/signin", (await browser.GetAsync(PendingAuthorizations.ResumeUrl(page.Ticket!))).Target);
        await browser.SignInAsync();
        Assert.NotNull((await browser.GetAsync(PendingAuthorizations.ResumeUrl(page.Ticket!))).Parameter("code"));
    }

    [Fact]
    public async Task Posted_prompt_login_is_not_satisfied_by_the_sign_in_of_before()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);

        var posted = await browser.SendAsync(HttpMethod.Post, "/connect/authorize", OAuthBrowser.Query(("prompt", "login")), crossSite: true);
        var page = await browser.GetAsync(posted.Location!);
        Assert.Equal(("/connect/signin", posted.Ticket), (page.Target, page.Ticket));
        await browser.SignInAsync();

        Assert.NotNull((await browser.GetAsync(PendingAuthorizations.ResumeUrl(page.Ticket!))).Parameter("code"));
    }

    [Theory]
    [InlineData(100, true)]
    [InlineData(1000, false)]
    public async Task Sign_in_that_is_too_old_is_asked_for_again(long maxAge, bool asks)
    {
        var authTime = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() - 500;
        using var browser = await OAuthBrowser.SignedInAsync(world, authTime: authTime);

        var answer = await browser.AuthorizeAsync(("max_age", $"{maxAge}"));

        Assert.Equal(asks ? "/connect/signin" : OAuthBrowser.Redirect, answer.Target);
        if (asks) return;
        var tokens = await browser.RedeemAsync(answer.Parameter("code")!);
        Assert.Equal(authTime, TokenTexts.Claims(tokens.IdToken!).GetProperty("auth_time").GetInt64());
    }

    [Fact]
    public async Task Hint_of_another_user_is_not_answered_with_the_one_who_is_signed_in()
    {
        using var bob = await OAuthBrowser.SignedInAsync(world, "bob");
        var hint = (await bob.TokensAsync()).IdToken!;
        using var browser = await OAuthBrowser.SignedInAsync(world);

        Assert.Equal("login_required", (await browser.AuthorizeAsync(("id_token_hint", hint), ("prompt", "none"))).Parameter("error"));
        var page = await browser.AuthorizeAsync(("id_token_hint", hint));
        Assert.Equal("/connect/signin", page.Target);
        await browser.SignInAsync();
        Assert.Equal("login_required", (await browser.GetAsync(PendingAuthorizations.ResumeUrl(page.Ticket!))).Parameter("error"));
        Assert.NotNull((await bob.AuthorizeAsync(("id_token_hint", hint))).Parameter("code"));
    }

    [Fact]
    public async Task Third_party_is_consented_to_once()
    {
        await world.AddThirdPartyAsync("consent-once", "openid", "profile", "email");
        (string, string?)[] request = [("client_id", "consent-once"), ("redirect_uri", "https://consent-once.example/cb"), ("scope", "openid profile")];
        using var browser = await OAuthBrowser.SignedInAsync(world);

        Assert.Equal("consent_required", (await browser.AuthorizeAsync([.. request, ("prompt", "none")])).Parameter("error"));
        var page = await browser.AuthorizeAsync(request);
        Assert.Equal("/connect/consent", page.Target);
        Assert.Equal("/connect/consent", (await browser.GetAsync(PendingAuthorizations.ResumeUrl(page.Ticket!))).Target);
        Assert.NotNull((await browser.GetAsync(await GrantAsync(browser, page.Ticket!))).Parameter("code"));
        Assert.NotNull((await browser.AuthorizeAsync([.. request, ("prompt", "none")])).Parameter("code"));

        // More than was allowed is asked for anew, and so is what the client wants to be asked for.
        Assert.Equal("/connect/consent", (await browser.AuthorizeAsync([.. request, ("scope", "openid email")])).Target);
        Assert.Equal("/connect/consent", (await browser.AuthorizeAsync([.. request, ("prompt", "consent")])).Target);
        Assert.Equal("/connect/consent", (await browser.AuthorizeAsync([("client_id", "demo-spa"), ("prompt", "consent")])).Target);
    }

    [Fact]
    public async Task Refusal_is_access_denied()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var page = await browser.AuthorizeAsync(("prompt", "consent"));

        var answer = new BrowserAnswer(0, await Pending.DenyAsync(await ContextAsync(browser), page.Ticket), new Dictionary<string, string>(), "");

        Assert.Equal((OAuthBrowser.Redirect, "access_denied", "s t&a=te", OAuthWorld.Issuer), (answer.Target, answer.Parameter("error"), answer.Parameter("state"), answer.Parameter("iss")));
        Assert.Equal(400, (await browser.GetAsync(PendingAuthorizations.ResumeUrl(page.Ticket!))).Status);
    }

    [Fact]
    public async Task Consent_of_one_user_does_not_count_for_the_next()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var page = await browser.AuthorizeAsync(("prompt", "consent"));
        var resume = await GrantAsync(browser, page.Ticket!);
        await browser.SignInAsync("bob");

        Assert.Equal("/connect/consent", (await browser.GetAsync(resume)).Target);
    }

    [Fact]
    public async Task Client_disabled_meanwhile_gets_no_code()
    {
        await world.AddThirdPartyAsync("soon-disabled", "openid");
        using var browser = new OAuthBrowser(world);
        var page = await browser.AuthorizeAsync(("client_id", "soon-disabled"), ("redirect_uri", "https://soon-disabled.example/cb"), ("scope", "openid"));
        await browser.SignInAsync();
        await world.Service.InDatabaseAsync(database => database.Clients.Where(client => client.ClientId == "soon-disabled")
            .ExecuteUpdateAsync(set => set.SetProperty(client => client.Disabled, true), TestContext.Current.CancellationToken));

        Assert.Equal((400, null), ((await browser.GetAsync(PendingAuthorizations.ResumeUrl(page.Ticket!))) is var answer ? (answer.Status, answer.Location) : default));
    }

    private async Task<string> GrantAsync(OAuthBrowser browser, string ticket) =>
        await Pending.GrantConsentAsync(await ContextAsync(browser), ticket, (await world.AccountAsync("alice")).Id) ?? throw new InvalidOperationException("Nothing waits.");

    private Task<HttpContext> ContextAsync(OAuthBrowser browser)
    {
        HttpContext context = new DefaultHttpContext { RequestServices = world.Service.Services };
        context.Request.Headers.Cookie = browser.CookieHeader;
        return Task.FromResult(context);
    }
}
