using Testing;

namespace EndToEnd.Tests.Browser;

/// <summary>The pages that an application sends people to, in a browser that runs no scripts.</summary>
public sealed class AuthorizationPageTests(StackFixture fixture, Chromium chromium) : IAsyncLifetime
{
    private readonly Stack _stack = fixture.Stack;
    private Application _application = null!;

    public async ValueTask InitializeAsync() => _application = await Application.StartAsync("<!DOCTYPE html><title>Application</title><h1>Application</h1>");

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    [Fact]
    public async Task Third_party_client_asks_once_and_a_refusal_is_told_to_it()
    {
        var clientId = await RegisterClientAsync("Third & party");
        var person = await Person.RegisterAsync(_stack);
        var page = await chromium.OpenAsync(_stack.Address, Authorize(clientId));
        await person.SignInAsync(page);
        Assert.Equal("Allow Third & party?", await Person.HeadingAsync(page));
        Assert.Contains("Know who you are", await page.Locator("main").InnerTextAsync(), StringComparison.Ordinal);

        await Person.PressAsync(page, "Refuse");
        Assert.Equal("Application", await Person.HeadingAsync(page));
        Assert.Contains("error=access_denied", page.Url, StringComparison.Ordinal);
        await page.GotoAsync(Authorize(clientId));
        await Person.PressAsync(page, "Allow");
        Assert.Contains("?code=", page.Url, StringComparison.Ordinal);
        await page.GotoAsync(Authorize(clientId));
        Assert.Contains("?code=", page.Url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_password_on_the_way_does_not_lose_the_way()
    {
        var person = await Person.RegisterAsync(_stack);
        var page = await chromium.OpenAsync(_stack.Address, Authorize("demo-spa"));
        var signIn = page.Url;
        await person.SignInAsync(page, "wrong");
        await person.SignInAsync(page);
        Assert.StartsWith($"{_application.Address}callback?code=", page.Url, StringComparison.Ordinal);
        // Whoever goes back finds that it is finished.
        await page.GotoAsync(signIn);
        Assert.Equal("This page has expired", await Person.HeadingAsync(page));
    }

    [Fact]
    public async Task Page_of_somebody_elses_browser_is_refused()
    {
        var theirs = await chromium.OpenAsync(_stack.Address, Authorize("demo-spa"));
        var mine = await chromium.OpenAsync(_stack.Address, "/connect/signin");
        await mine.GotoAsync(theirs.Url);
        Assert.Equal("This page has expired", await Person.HeadingAsync(mine));
    }

    [Fact]
    public async Task Sign_out_without_a_proof_asks_first_and_goes_back_to_the_client()
    {
        var person = await Person.RegisterAsync(_stack);
        var page = await chromium.OpenAsync(_stack.Address, Authorize("demo-spa"));
        await person.SignInAsync(page);
        await page.GotoAsync($"/connect/logout?client_id=demo-spa&state=s1&post_logout_redirect_uri={Uri.EscapeDataString(_application.Address.AbsoluteUri)}");
        Assert.Equal("Sign out?", await Person.HeadingAsync(page));

        await Person.PressAsync(page, "Sign out");

        Assert.Equal($"{_application.Address}?state=s1", page.Url);
        await page.GotoAsync($"{_stack.Address}connect/account");
        Assert.Equal("Sign in", await Person.HeadingAsync(page));
    }

    private string Authorize(string clientId) =>
        $"{_stack.Address}connect/authorize?response_type=code&client_id={clientId}&scope=openid&state=s1&redirect_uri={Uri.EscapeDataString(_application.Address + "callback")}"
        + "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

    private async Task<string> RegisterClientAsync(string name)
    {
        var admin = await _stack.SignInAsync("admin", cancellationToken: TestContext.Current.CancellationToken);
        var clientId = $"third-{Guid.NewGuid():N}";
        var answer = await _stack.Client.PostAsync("/api/admin/clients", new
        {
            client_id = clientId,
            client_name = name,
            token_endpoint_auth_method = "none",
            grant_types = new[] { "authorization_code" },
            redirect_uris = new[] { "http://127.0.0.1/callback" },
            scope = "openid profile",
        }, admin.Access);
        Assert.True(answer.Status == 201, answer.Body);
        return clientId;
    }
}
