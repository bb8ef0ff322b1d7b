using System.Diagnostics;
using System.Text.Json;
using Microsoft.Playwright;
using Testing;

namespace EndToEnd.Tests.Browser;

/// <summary>Clients that others wrote, unmodified, against the running system.</summary>
public sealed class RealClientTests(StackFixture fixture, Chromium chromium)
{
    private readonly Stack _stack = fixture.Stack;

    private static string Clients => Path.Combine(Repository.Root, "tests", "clients");

    private string Issuer => _stack.Address.GetLeftPart(UriPartial.Authority);

    [Fact]
    public async Task Openid_client_signs_in_refreshes_introspects_revokes_and_signs_assertions()
    {
        Chromium.Package("openid-client", "package.json");
        var person = await Person.RegisterAsync(_stack);
        var start = new ProcessStartInfo("node", [Path.Combine(Clients, "openid-client.mjs"), Issuer, person.UserName, person.Password])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["no_proxy"] = "127.0.0.1", ["NO_PROXY"] = "127.0.0.1" },
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, await errors);

        using var json = JsonDocument.Parse(output);
        var found = json.RootElement;
        Assert.Equal(person.UserName, found.GetProperty("userinfo").GetProperty("name").GetString());
        Assert.Equal(Issuer, found.GetProperty("claims").GetProperty("iss").GetString());
        Assert.True(found.GetProperty("claims").TryGetProperty("auth_time", out _));
        Assert.True(found.GetProperty("renewed").GetBoolean());
        Assert.Equal((true, false), (found.GetProperty("before").GetBoolean(), found.GetProperty("after").GetBoolean()));
        Assert.Equal(("orders.read", 200), (found.GetProperty("service").GetProperty("scope").GetString(), found.GetProperty("service").GetProperty("orders").GetInt32()));
    }

    [Fact]
    public async Task Oidc_client_ts_signs_in_renews_calls_and_signs_out_in_a_browser()
    {
        var library = await File.ReadAllTextAsync(Chromium.Package("oidc-client-ts", "dist/browser/oidc-client-ts.min.js"), TestContext.Current.CancellationToken);
        var html = await File.ReadAllTextAsync(Path.Combine(Clients, "oidc-client-ts.html"), TestContext.Current.CancellationToken);
        await using var application = await Application.StartAsync(
            html.Replace("ISSUER", Issuer, StringComparison.Ordinal), new Dictionary<string, string> { ["/oidc-client-ts.js"] = library });
        var person = await Person.RegisterAsync(_stack);
        var page = await chromium.OpenAsync(application.Address, "/", new());

        await Person.PressAsync(page, "Enter");
        // What the page shows is waited for, not WaitForURLAsync: that misses a navigation that ends while it subscribes.
        Assert.Contains("Demo single-page application", await page.Locator("main").InnerTextAsync(), StringComparison.Ordinal);
        Assert.StartsWith($"{Issuer}/connect/signin", page.Url, StringComparison.Ordinal);
        await person.SignInAsync(page);
        await ShowsAsync("name", person.UserName);

        var first = await page.Locator("#access").InnerTextAsync();
        await Person.PressAsync(page, "Renew");
        await Eventually.TrueAsync(async () => await page.Locator("#access").InnerTextAsync() is { Length: > 0 } next && next != first, "The access token is not renewed.");
        var second = await page.Locator("#access").InnerTextAsync();
        await Person.PressAsync(page, "Call");
        await ShowsAsync("name", "200 Hello, World!");

        await Person.PressAsync(page, "Leave");
        await ShowsAsync("name", "nobody");
        Assert.StartsWith(application.Address.GetLeftPart(UriPartial.Authority), page.Url, StringComparison.Ordinal);
        foreach (var access in new[] { first, second })
        {
            var answer = await _stack.Client.GetAsync("/hello/", access);
            Assert.Equal((401, "token_revoked"), (answer.Status, answer.Code));
        }

        async Task ShowsAsync(string id, string text)
        {
            try
            {
                await Assertions.Expect(page.Locator($"#{id}")).ToHaveTextAsync(text, new() { Timeout = 30_000 });
            }
            catch (PlaywrightException e)
            {
                throw new InvalidOperationException($"{page.Url}: {await page.Locator("body").InnerTextAsync()}", e);
            }
        }
    }
}
