using System.Text.Json;
using Microsoft.Playwright;

namespace EndToEnd.Tests.Browser;

/// <summary>Every page, as axe-core sees it, by day, by night and on a phone; and what the browser itself complains of.</summary>
public sealed class AccessibilityTests(StackFixture fixture, Chromium chromium)
{
    public static TheoryData<string, int, ColorScheme> Screens => new()
    {
        { "desktop", 1100, ColorScheme.Light }, { "desktop at night", 1100, ColorScheme.Dark }, { "phone", 375, ColorScheme.Light },
    };

    [Theory]
    [MemberData(nameof(Screens))]
    public async Task Pages_have_no_fault_that_axe_knows(string screen, int width, ColorScheme scheme)
    {
        var axe = await File.ReadAllTextAsync(Chromium.Package("axe-core", "axe.min.js"), TestContext.Current.CancellationToken);
        var person = await Person.RegisterAsync(fixture.Stack);
        // Their policy lets no script run; axe is one.
        var page = await chromium.OpenAsync(fixture.Stack.Address, "/connect/signin", new()
        {
            BypassCSP = true,
            ColorScheme = scheme,
            ViewportSize = new() { Width = width, Height = 800 },
        });
        var checks = 0;
        await CheckAsync();
        await person.SignInAsync(page, "wrong");
        await CheckAsync();
        await person.SignInAsync(page);
        foreach (var path in new[] { "account", "account/password", "account/sessions", "signout", "signed-out", "consent?ticket=x" })
        {
            await page.GotoAsync($"/connect/{path}");
            await CheckAsync();
        }
        await page.GotoAsync("/connect/account/second-factor");
        await CheckAsync();
        await page.GetByLabel("Password").FillAsync(person.Password);
        await Person.PressAsync(page, "Set it up");
        await CheckAsync();
        var secret = (await page.Locator("code").InnerTextAsync()).Replace(" ", "", StringComparison.Ordinal);
        await page.GetByLabel("Code", new() { Exact = true }).FillAsync(Person.Code(secret));
        await Person.PressAsync(page, "Turn on");
        await CheckAsync();
        await page.GotoAsync("/connect/account/second-factor");
        await CheckAsync();
        var other = await chromium.OpenAsync(fixture.Stack.Address, "/connect/signin", new() { BypassCSP = true, ColorScheme = scheme });
        await person.SignInAsync(other);
        page = other;
        await CheckAsync();
        Assert.Equal(13, checks);

        async Task CheckAsync()
        {
            checks++;
            await page.EvaluateAsync(axe);
            var violations = await page.EvaluateAsync<JsonElement>("async () => (await axe.run()).violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' '))");
            Assert.True(violations.GetArrayLength() == 0, $"{page.Url} on {screen}: {violations}");
            var sideways = await page.EvaluateAsync<int>("() => document.documentElement.scrollWidth - document.documentElement.clientWidth");
            Assert.True(sideways == 0, $"{page.Url} on {screen} scrolls sideways by {sideways} px.");
        }
    }

    [Fact]
    public async Task Browser_finds_nothing_that_the_policy_forbids()
    {
        var person = await Person.RegisterAsync(fixture.Stack);
        var page = await chromium.OpenAsync(fixture.Stack.Address, "/connect/signin", new());
        var refused = new List<string>();
        page.Console += (_, message) =>
        {
            if (message.Text.Contains("Content Security Policy", StringComparison.OrdinalIgnoreCase)) refused.Add(message.Text);
        };
        await person.SignInAsync(page);
        foreach (var path in new[] { "account", "account/password", "account/second-factor", "account/sessions", "signout" }) await page.GotoAsync($"/connect/{path}");
        await page.GotoAsync("/connect/account/second-factor");
        await page.GetByLabel("Password").FillAsync(person.Password);
        await Person.PressAsync(page, "Set it up");

        Assert.Empty(refused);
        // The style sheet was loaded, by the policy's leave.
        Assert.Equal("rgb(255, 255, 255)", await page.EvaluateAsync<string>("() => getComputedStyle(document.querySelector('main')).backgroundColor"));
    }
}
