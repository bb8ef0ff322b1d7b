using Microsoft.Playwright;
using Testing;

[assembly: AssemblyFixture(typeof(EndToEnd.Tests.Browser.Chromium))]

namespace EndToEnd.Tests.Browser;

/// <summary>The distribution's Chromium, started by the first test that needs it. Where it is missing the test is skipped by
/// name; in CI that is a failure.</summary>
public sealed class Chromium : IAsyncDisposable
{
    private const string Program = "/usr/bin/chromium";

    private readonly Lazy<Task<(IPlaywright Playwright, IBrowser Browser)>> _started = new(StartAsync);

    /// <summary>A browser of a person of their own: no cookies, no cache.</summary>
    /// <param name="path">Where its first page goes.</param>
    internal async Task<IPage> OpenAsync(Uri address, string path, BrowserNewContextOptions? options = null)
    {
        Require("chromium", Program);
        options ??= new BrowserNewContextOptions { JavaScriptEnabled = false };
        options.BaseURL = address.GetLeftPart(UriPartial.Authority);
        var context = await (await _started.Value).Browser.NewContextAsync(options);
        // The machine may be busy.
        context.SetDefaultTimeout(60_000);
        var page = await context.NewPageAsync();
        await page.GotoAsync(path);
        return page;
    }

    /// <summary>A file that a test cannot do without.</summary>
    internal static string Require(string package, string file)
    {
        if (File.Exists(file)) return file;
        var missing = $"{package} is not installed ({file}).";
        Assert.False(string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase), missing);
        Assert.Skip(missing);
        return "";
    }

    /// <summary>A file of an npm package in tests/clients.</summary>
    internal static string Package(string name, string file) =>
        Require($"npm package {name}", Path.Combine(Repository.Root, "tests", "clients", "node_modules", name, file));

    public async ValueTask DisposeAsync()
    {
        if (!_started.IsValueCreated) return;
        var (playwright, browser) = await _started.Value;
        await browser.DisposeAsync();
        playwright.Dispose();
    }

    private static async Task<(IPlaywright Playwright, IBrowser Browser)> StartAsync()
    {
        var playwright = await Playwright.CreateAsync();
        // Root has no sandbox; what is opened here is our own.
        return (playwright, await playwright.Chromium.LaunchAsync(new() { ExecutablePath = Program, Args = ["--no-sandbox"] }));
    }
}
