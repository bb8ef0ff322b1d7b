using Microsoft.Playwright;
using Testing;

namespace EndToEnd.Tests.Browser;

/// <summary>People at the pages, through the gateway, in a browser that runs no scripts.</summary>
public sealed class AccountPageTests(StackFixture fixture, Chromium chromium)
{
    private readonly Stack _stack = fixture.Stack;

    [Fact]
    public async Task Person_signs_in_looks_around_and_signs_out()
    {
        var person = await Person.RegisterAsync(_stack);
        var page = await chromium.OpenAsync(_stack.Address, "/connect/account");
        Assert.EndsWith("/connect/signin", page.Url, StringComparison.Ordinal);
        await person.SignInAsync(page);

        Assert.Equal(person.UserName, await Person.HeadingAsync(page));
        await Person.PressAsync(page, "Sign out");
        Assert.Equal("You are signed out", await Person.HeadingAsync(page));
        await page.GotoAsync("/connect/account");
        Assert.EndsWith("/connect/signin", page.Url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_password_is_told_and_what_was_typed_stays_but_for_the_password()
    {
        var person = await Person.RegisterAsync(_stack);
        var page = await chromium.OpenAsync(_stack.Address, "/connect/signin");
        await person.SignInAsync(page, "wrong");

        Assert.Contains("no active account", await page.GetByRole(AriaRole.Alert).InnerTextAsync(), StringComparison.Ordinal);
        Assert.Equal((person.UserName, ""), (await page.GetByLabel("User name").InputValueAsync(), await page.GetByLabel("Password").InputValueAsync()));
        await person.SignInAsync(page);
        Assert.Equal(person.UserName, await Person.HeadingAsync(page));
    }

    [Fact]
    public async Task Session_signed_out_there_is_refused_at_once()
    {
        var person = await Person.RegisterAsync(_stack);
        var tokens = await _stack.SignInAsync(person.UserName, person.Password, TestContext.Current.CancellationToken);
        Assert.Equal(200, (await _stack.Client.GetAsync("/hello/", tokens.Access)).Status);
        var page = await chromium.OpenAsync(_stack.Address, "/connect/signin");
        await person.SignInAsync(page);
        await page.GetByRole(AriaRole.Link, new() { Name = "Where you are signed in" }).ClickAsync();

        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out there" }).ClickAsync();

        Assert.Equal("Signed out there.", await page.GetByRole(AriaRole.Status).InnerTextAsync());
        Assert.Equal((401, "token_revoked"), await StatusAsync(tokens.Access));
        Assert.Equal(0, await page.GetByRole(AriaRole.Button, new() { Name = "Sign out there" }).CountAsync());
    }

    [Fact]
    public async Task New_password_signs_out_everywhere_but_here()
    {
        var person = await Person.RegisterAsync(_stack);
        var tokens = await _stack.SignInAsync(person.UserName, person.Password, TestContext.Current.CancellationToken);
        var there = await chromium.OpenAsync(_stack.Address, "/connect/signin");
        await person.SignInAsync(there);
        var here = await chromium.OpenAsync(_stack.Address, "/connect/signin");
        await person.SignInAsync(here);
        await here.GetByRole(AriaRole.Link, new() { Name = "Password" }).ClickAsync();

        await FillAsync("not it", "another password", "another password");
        Assert.Equal("This is not the current password.", await here.Locator("#current_password-error").InnerTextAsync());
        await FillAsync(person.Password, "another password", "yet another one");
        Assert.Equal("This is not the same password.", await here.Locator("#new_password_again-error").InnerTextAsync());
        await FillAsync(person.Password, "another password", "another password");

        Assert.Contains("changed", await here.GetByRole(AriaRole.Status).InnerTextAsync(), StringComparison.Ordinal);
        await here.GotoAsync("/connect/account");
        Assert.Equal(person.UserName, await Person.HeadingAsync(here));
        await there.GotoAsync("/connect/account");
        Assert.Equal("Sign in", await Person.HeadingAsync(there));
        Assert.Equal((401, "token_revoked"), await StatusAsync(tokens.Access));

        async Task FillAsync(string current, string next, string again)
        {
            await here.GetByLabel("Current password").FillAsync(current);
            await here.GetByLabel("New password", new() { Exact = true }).FillAsync(next);
            await here.GetByLabel("New password again").FillAsync(again);
            await Person.PressAsync(here, "Change password");
        }
    }

    [Fact]
    public async Task Second_factor_is_set_up_asked_for_and_taken_away()
    {
        var person = await Person.RegisterAsync(_stack);
        var page = await chromium.OpenAsync(_stack.Address, "/connect/signin");
        await person.SignInAsync(page);
        await page.GetByRole(AriaRole.Link, new() { Name = "Second factor" }).ClickAsync();
        await page.GetByLabel("Password").FillAsync(person.Password);
        await Person.PressAsync(page, "Set it up");
        Assert.Equal(1, await page.Locator("svg.qr path").CountAsync());
        var secret = (await page.Locator("code").InnerTextAsync()).Replace(" ", "", StringComparison.Ordinal);
        await page.GetByLabel("Code", new() { Exact = true }).FillAsync("000000");
        await Person.PressAsync(page, "Turn on");
        Assert.Contains("wrong", await page.Locator("#code-error").InnerTextAsync(), StringComparison.Ordinal);
        await page.GetByLabel("Code", new() { Exact = true }).FillAsync(Person.Code(secret));
        await Person.PressAsync(page, "Turn on");
        var recovery = await page.Locator(".codes li").AllInnerTextsAsync();
        Assert.Equal(10, recovery.Count);

        // Signing in takes both now: a code, or a recovery code, each once.
        var other = await chromium.OpenAsync(_stack.Address, "/connect/signin");
        await person.SignInAsync(other);
        Assert.Equal("Enter your code", await Person.HeadingAsync(other));
        await other.GotoAsync("/connect/account");
        Assert.Equal("Sign in", await Person.HeadingAsync(other));
        await EnterAsync(other, "111111");
        Assert.Contains("wrong", await other.Locator("#code-error").InnerTextAsync(), StringComparison.Ordinal);
        await EnterAsync(other, Person.Code(secret, ahead: 1));
        Assert.Equal(person.UserName, await Person.HeadingAsync(other));

        var third = await chromium.OpenAsync(_stack.Address, "/connect/signin");
        await person.SignInAsync(third);
        await EnterAsync(third, recovery[0]);
        Assert.Equal(person.UserName, await Person.HeadingAsync(third));
        var fourth = await chromium.OpenAsync(_stack.Address, "/connect/signin");
        await person.SignInAsync(fourth);
        await EnterAsync(fourth, recovery[0]);
        Assert.Contains("used before", await fourth.Locator("#code-error").InnerTextAsync(), StringComparison.Ordinal);

        await third.GotoAsync("/connect/account/second-factor");
        Assert.Contains("9 recovery codes left", await third.Locator("main").InnerTextAsync(), StringComparison.Ordinal);
        await third.GetByLabel("Password").FillAsync(person.Password);
        await third.GetByLabel("Code", new() { Exact = true }).FillAsync(recovery[1]);
        await Person.PressAsync(third, "Turn it off");
        Assert.Contains("password alone", await third.GetByRole(AriaRole.Status).InnerTextAsync(), StringComparison.Ordinal);

        static async Task EnterAsync(IPage page, string code)
        {
            if (!page.Url.Contains("second-factor", StringComparison.Ordinal)) await page.GotoAsync("/connect/signin/second-factor");
            await page.GetByLabel("Code", new() { Exact = true }).FillAsync(code);
            await Person.PressAsync(page, "Sign in");
        }
    }

    private async Task<(int Status, string? Code)> StatusAsync(string access)
    {
        var answer = await _stack.Client.GetAsync("/hello/", access);
        return (answer.Status, answer.Status == 200 ? null : answer.Code);
    }
}
