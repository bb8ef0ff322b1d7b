using AuthService.Tests.Users;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Testing;

namespace AuthService.Tests.Pages;

/// <summary>The page that signs in, and the cookie it makes, over real HTTP.</summary>
public sealed class SignInPageTests(Databases databases)
{
    private const string SignIn = "/connect/signin";
    private const string Account = "/connect/account";

    [Fact]
    public async Task Every_page_says_to_the_browser_what_it_may_not_do()
    {
        using var browser = await OpenAsync();
        foreach (var path in new[] { SignIn, Account, "/connect/consent?ticket=x", "/connect/signout", "/connect/signed-out" })
        {
            await browser.GoAsync(path);
            string Header(string name) => string.Join(", ", browser.Answer.Headers.GetValues(name));
            Assert.Equal("default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'", Header("Content-Security-Policy"));
            Assert.Equal(("no-store", "nosniff", "same-origin", "DENY"),
                (Header("Cache-Control"), Header("X-Content-Type-Options"), Header("Referrer-Policy"), Header("X-Frame-Options")));
            Assert.DoesNotContain("<script", browser.Html, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("style=", browser.Html, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task Right_password_sets_a_cookie_for_the_pages_alone()
    {
        using var browser = await OpenAsync();
        await browser.SignInAsync();

        Assert.Equal((303, Account), (browser.Status, browser.Location));
        var cookie = Assert.Single(browser.SetCookies, set => set.StartsWith("gwid_signin=", StringComparison.Ordinal)).ToLowerInvariant();
        // The issuer of these tests is https.
        foreach (var attribute in new[] { "path=/connect", "httponly", "samesite=lax", "secure" }) Assert.Contains($"; {attribute}", cookie, StringComparison.Ordinal);
        Assert.DoesNotContain("expires", cookie, StringComparison.Ordinal);
        await browser.FollowAsync();
        Assert.Equal(200, browser.Status);
        Assert.Contains("alice", browser.Html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Database_has_the_hash_of_the_cookie_and_not_the_cookie()
    {
        await using var service = await RunningService.StartAsync(await databases.CreateAsync(Databases.Sqlite));
        using var browser = new FormBrowser(service.Http.BaseAddress!);
        await browser.SignInAsync();
        var row = Assert.Single(await Open(service).BrowserSignIns.ToListAsync(TestContext.Current.CancellationToken));
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(browser.Cookies["gwid_signin"]))), row.Id);
    }

    [Fact]
    public async Task Wrong_password_and_unknown_user_get_the_same_page()
    {
        using var browser = await OpenAsync();
        await browser.SignInAsync("alice", "wrong");
        var (status, html) = (browser.Status, browser.Html);
        await browser.SignInAsync("nobody", "wrong");

        Assert.Equal(400, status);
        Assert.Equal(html.Replace("alice", "nobody", StringComparison.Ordinal), browser.Html);
        Assert.Contains("role=\"alert\"", html, StringComparison.Ordinal);
        Assert.DoesNotContain("gwid_signin", browser.Cookies.Keys);
    }

    [Theory]
    [InlineData("", "x", "username")]
    [InlineData("alice", "", "password")]
    public async Task Missing_field_is_named(string userName, string password, string field)
    {
        using var browser = await OpenAsync();
        await browser.SignInAsync(userName, password);
        Assert.Equal(400, browser.Status);
        Assert.Contains($"id=\"{field}-error\"", browser.Html, StringComparison.Ordinal);
        Assert.Contains("<title>Error: Sign in</title>", browser.Html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Typed_markup_is_shown_as_text()
    {
        using var browser = await OpenAsync();
        await browser.SignInAsync("\"><b>x</b>", "wrong");
        Assert.Equal(400, browser.Status);
        Assert.DoesNotContain("<b>", browser.Html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Form_of_another_browser_is_refused()
    {
        using var theirs = await OpenAsync();
        using var mine = await OpenAsync();
        await theirs.GoAsync(SignIn);
        await mine.GoAsync(SignIn);
        // A page of the attacker's, in the victim's browser, with the token of the attacker's own.
        mine.Cookies.Clear();
        foreach (var (name, value) in theirs.Cookies) mine.Cookies[name] = value;
        await mine.SubmitAsync(SignIn, ("username", "alice"), ("password", "alice-password-1"));
        Assert.Equal(400, mine.Status);
        Assert.DoesNotContain("gwid_signin", mine.Cookies.Keys);
        Assert.StartsWith("text/html", mine.Answer.Content.Headers.ContentType!.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Origin", "https://evil.example")]
    [InlineData("Origin", "null")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    public async Task Form_from_elsewhere_is_refused(string header, string value)
    {
        using var browser = await OpenAsync();
        browser.Headers[header] = value;
        await browser.SignInAsync();
        Assert.Equal(400, browser.Status);
        Assert.DoesNotContain("gwid_signin", browser.Cookies.Keys);
    }

    [Theory]
    [InlineData("OPTIONS")]
    [InlineData("DELETE")]
    [InlineData("BREW")]
    public async Task Page_is_read_or_sent_a_form_and_nothing_else(string method)
    {
        using var browser = await OpenAsync();
        await browser.SignInAsync();
        foreach (var path in new[] { SignIn, Account, "/connect/consent", "/connect/signout" })
        {
            await browser.SendAsync(new HttpMethod(method), path, content: null);
            Assert.Equal((path, 405, "GET, HEAD, POST"), (path, browser.Status, string.Join(", ", browser.Answer.Content.Headers.Allow)));
        }
    }

    [Fact]
    public async Task Form_from_our_own_page_is_taken()
    {
        using var browser = await OpenAsync();
        browser.Headers["Origin"] = Replica.Issuer;
        browser.Headers["Sec-Fetch-Site"] = "same-origin";
        await browser.SignInAsync();
        Assert.Equal(303, browser.Status);
    }

    [Fact]
    public async Task Form_that_was_opened_before_a_sign_in_is_out_of_date_after_it()
    {
        using var browser = await OpenAsync();
        await browser.SignInAsync();
        await browser.GoAsync(Account + "/password");
        var before = browser.Html;
        await browser.GoAsync("/connect/signout");
        await browser.SubmitAsync(null);
        Assert.Equal((303, "/connect/signed-out"), (browser.Status, browser.Location));
        Assert.Contains("form_token", before, StringComparison.Ordinal);
        await browser.GoAsync(Account + "/password");
        Assert.Equal((303, SignIn), (browser.Status, browser.Location));
    }

    [Fact]
    public async Task Planted_cookie_does_not_become_the_victims_sign_in()
    {
        using var attacker = await OpenAsync();
        await attacker.SignInAsync("bob");
        var planted = attacker.Cookies["gwid_signin"];

        using var victim = await OpenAsync();
        victim.Cookies["gwid_signin"] = planted;
        // The page is for somebody who is signed in by now; the victim signs out first, or signs in for a client.
        await victim.GoAsync("/connect/signed-out");
        await victim.GoAsync("/connect/signout");
        await victim.SubmitAsync(null);
        await victim.SignInAsync("alice");

        Assert.NotEqual(planted, victim.Cookies["gwid_signin"]);
        await attacker.GoAsync(Account);
        Assert.Equal((303, SignIn), (attacker.Status, attacker.Location));
    }

    [Theory]
    [InlineData("not-a-cookie")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task Unknown_cookie_is_nobody(string value)
    {
        using var browser = await OpenAsync();
        browser.Cookies["gwid_signin"] = value;
        await browser.GoAsync(Account);
        Assert.Equal((303, SignIn), (browser.Status, browser.Location));
    }

    [Theory]
    [InlineData("?returnUrl=https://evil.example")]
    [InlineData("?return_to=//evil.example")]
    [InlineData("?redirect_uri=https://evil.example&next=https://evil.example")]
    public async Task No_address_in_the_query_is_gone_to(string query)
    {
        using var browser = await OpenAsync();
        await browser.GoAsync(SignIn + query);
        await browser.SubmitAsync(null, ("username", "alice"), ("password", "alice-password-1"));
        Assert.Equal((303, Account), (browser.Status, browser.Location));
    }

    [Fact]
    public async Task Too_many_wrong_passwords_are_told_when_to_come_back()
    {
        await using var service = await RunningService.StartAsync(
            await databases.CreateAsync(Databases.Sqlite), "--AuthService:SignInLimit:FailuresPerAddressAndAccount=1");
        using var browser = new FormBrowser(service.Http.BaseAddress!);
        await browser.SignInAsync("alice", "wrong");
        await browser.SignInAsync("alice", "wrong");
        Assert.Equal(429, browser.Status);
        Assert.True(browser.Answer.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        Assert.Contains("Try again in", browser.Html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/json", "{}")]
    [InlineData("application/x-www-form-urlencoded; charset=utf-7", "form_token=<token>&id=x")]
    [InlineData("application/x-www-form-urlencoded; charset=iso-8859-1", "form_token=<token>&id=%00")]
    [InlineData("application/x-www-form-urlencoded", "form_token=<token>&id=%00")]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n<token>\r\n")]
    [InlineData("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n<token>\r\n--b\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n\0\r\n--b--\r\n")]
    public async Task Form_that_is_none_of_ours_is_400_and_a_page(string mediaType, string body)
    {
        // PostgreSQL, which takes no NUL in a text.
        using var browser = new FormBrowser((await databases.SharedServiceAsync(Databases.PostgreSql)).Http.BaseAddress!);
        await browser.SignInAsync();
        await browser.GoAsync(Account + "/sessions");
        var token = browser.Html.Split("name=\"form_token\" type=\"hidden\" value=\"")[1].Split('"')[0];
        using var content = new ByteArrayContent(System.Text.Encoding.ASCII.GetBytes(body.Replace("<token>", token, StringComparison.Ordinal)));
        content.Headers.Add("Content-Type", mediaType);
        await browser.SendAsync(HttpMethod.Post, Account + "/sessions?handler=browser", content);
        Assert.Equal((400, "text/html"), (browser.Status, browser.Answer.Content.Headers.ContentType!.MediaType));
    }

    [Theory]
    [InlineData("?ticket=\u0001", "?ticket=%01")]
    [InlineData("?ticket=a%0D%0Ab", "?ticket=a%0D%0Ab")]
    [InlineData("?ticket=x&\u007f=1", "?ticket=x")]
    [InlineData("?\u0001", "")]
    public async Task Page_leads_back_whatever_stands_in_its_address(string query, string ticket)
    {
        var service = await databases.SharedServiceAsync();
        var answer = await RawConnection.AskAsync(
            service.Http.BaseAddress!, $"GET /connect/signin/second-factor{query} HTTP/1.1\r\nHost: a\r\n\r\n", Eventually.Deadline, TestContext.Current.CancellationToken);
        Assert.Equal((303, SignIn + ticket), (answer!.Status, answer.Value("Location")));
    }

    [Fact]
    public async Task Replicas_take_each_others_forms_and_cookies()
    {
        var database = await databases.CreateAsync(Databases.Sqlite);
        const string Key = "--AuthService:KeyEncryptionKeys:0=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        await using var one = await RunningService.StartAsync(database, Key);
        await using var other = await RunningService.StartAsync(database, Key);
        using var browser = new FormBrowser(one.Http.BaseAddress!);
        using var balanced = new FormBrowser(other.Http.BaseAddress!);
        await browser.GoAsync(SignIn);
        foreach (var (name, value) in browser.Cookies) balanced.Cookies[name] = value;
        var token = browser.Html.Split("name=\"form_token\" type=\"hidden\" value=\"")[1].Split('"')[0];
        await balanced.SubmitAsync(SignIn, ("username", "alice"), ("password", "alice-password-1"), ("form_token", token));
        Assert.Equal((303, Account), (balanced.Status, balanced.Location));
        browser.Cookies["gwid_signin"] = balanced.Cookies["gwid_signin"];
        await browser.GoAsync(Account);
        Assert.Equal(200, browser.Status);
    }

    [Fact]
    public async Task Sign_in_ends_when_it_is_not_used()
    {
        await using var service = await RunningService.StartAsync(await databases.CreateAsync(Databases.Sqlite), "--AuthService:SignInLifetime=00:00:01");
        using var browser = new FormBrowser(service.Http.BaseAddress!);
        await browser.SignInAsync();
        await using (var database = Open(service))
            await database.BrowserSignIns.ExecuteUpdateAsync(set => set.SetProperty(row => row.ExpiresMs, row => row.ExpiresMs - 1001), TestContext.Current.CancellationToken);
        await browser.GoAsync(Account);
        Assert.Equal((303, SignIn), (browser.Status, browser.Location));
    }

    [Fact]
    public async Task Sign_in_of_a_disabled_user_is_over()
    {
        await using var service = await RunningService.StartAsync(await databases.CreateAsync(Databases.Sqlite));
        using var browser = new FormBrowser(service.Http.BaseAddress!);
        await browser.SignInAsync();
        await using (var database = Open(service))
            await database.Users.Where(user => user.UserName == "alice").ExecuteUpdateAsync(set => set.SetProperty(user => user.Disabled, true), TestContext.Current.CancellationToken);
        await browser.GoAsync(Account);
        Assert.Equal((303, SignIn), (browser.Status, browser.Location));
    }

    private async Task<FormBrowser> OpenAsync() => new((await databases.SharedServiceAsync()).Http.BaseAddress!);

    private static UsersDbContext Open(RunningService service) => service.Services.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContext();
}
