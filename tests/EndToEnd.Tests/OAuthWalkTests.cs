using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Testing;

namespace EndToEnd.Tests;

/// <summary>A person's way through a gateway to an application and out again, as browser and client see it.</summary>
public sealed class OAuthWalkTests(StackFixture fixture)
{
    private const string Redirect = "http://127.0.0.1:4711/callback";

    private readonly Stack _stack = fixture.Stack;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Person_signs_in_uses_the_backend_and_signs_out()
    {
        var cookies = new CookieContainer();
        using var browser = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = cookies }) { BaseAddress = _stack.Address };
        var verifier = new string('v', 64);
        var challenge = Convert.ToBase64String(SHA256.HashData(Encoding.ASCII.GetBytes(verifier))).TrimEnd('=').Replace('+', '-').Replace('/', '_');

        var page = await RedirectAsync(browser, $"/connect/authorize?client_id=demo-spa&redirect_uri={Redirect}&response_type=code&scope=openid%20profile&state=s&code_challenge={challenge}&code_challenge_method=S256");
        var html = await browser.GetStringAsync(page, Cancellation);
        using var form = new FormUrlEncodedContent(
            [new("username", "alice"), new("password", "alice-password-1"), new("form_token", FormToken(html))]);
        using var signedIn = await browser.PostAsync(page, form, Cancellation);
        Assert.Equal(303, (int)signedIn.StatusCode);
        var callback = await RedirectAsync(browser, signedIn.Headers.Location!.OriginalString);
        Assert.StartsWith(Redirect + "?code=", callback, StringComparison.Ordinal);

        var code = callback.Split("code=")[1].Split('&')[0];
        var tokens = await TokenAsync(("grant_type", "authorization_code"), ("client_id", "demo-spa"), ("code", code), ("redirect_uri", Redirect), ("code_verifier", verifier));
        var access = tokens.GetProperty("access_token").GetString()!;
        var refresh = tokens.GetProperty("refresh_token").GetString()!;
        Assert.Equal(200, (await _stack.Client.GetAsync("/hello/", access)).Status);
        Assert.Equal("alice", JsonDocument.Parse((await _stack.Client.GetAsync("/connect/userinfo", access)).Body).RootElement.GetProperty("name").GetString());
        Assert.Equal(401, (await _stack.Client.GetAsync("/hello/", tokens.GetProperty("id_token").GetString())).Status);

        // The sign-in cookie is for /connect alone; were it sent anywhere else, the backend would not get it.
        Assert.Empty(cookies.GetCookies(new Uri(_stack.Address, "/hello/")));
        using var leaking = new HttpRequestMessage(HttpMethod.Get, "/echo/cookies") { Headers = { { "Cookie", cookies.GetCookieHeader(new Uri(_stack.Address, "/connect/authorize")) + "; other=1" } } };
        leaking.Headers.Authorization = new("Bearer", access);
        using var echoed = await _stack.Client.SendAsync(leaking, Cancellation);
        Assert.Equal("other=1", JsonDocument.Parse(await echoed.Content.ReadAsStringAsync(Cancellation)).RootElement.GetProperty("headers").GetProperty("Cookie")[0].GetString());

        var next = await TokenAsync(("grant_type", "refresh_token"), ("client_id", "demo-spa"), ("refresh_token", refresh));
        var bye = await RedirectAsync(browser, $"/connect/logout?id_token_hint={next.GetProperty("id_token").GetString()}&post_logout_redirect_uri=http://127.0.0.1:4711/&state=bye");
        Assert.Equal("http://127.0.0.1:4711/?state=bye", bye);
        foreach (var token in (string[])[access, next.GetProperty("access_token").GetString()!])
        {
            var refused = await _stack.Client.GetAsync("/hello/", token);
            Assert.Equal((401, "token_revoked"), (refused.Status, refused.Code));
        }
    }

    [Fact]
    public async Task Page_of_a_client_may_ask_for_tokens_through_the_gateway()
    {
        using var preflight = new HttpRequestMessage(HttpMethod.Options, "/connect/token")
        {
            Headers = { { "Origin", "http://127.0.0.1:5173" }, { "Access-Control-Request-Method", "POST" }, { "Access-Control-Request-Headers", "content-type" } },
        };
        using var answer = await _stack.Client.SendAsync(preflight, Cancellation);

        Assert.Equal((204, "http://127.0.0.1:5173"), ((int)answer.StatusCode, answer.Headers.GetValues("Access-Control-Allow-Origin").Single()));
    }

    [Fact]
    public async Task Service_asks_through_the_gateway_what_a_token_is_good_for()
    {
        var tokens = await _stack.SignInAsync("bob");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/connect/introspect") { Content = new FormUrlEncodedContent([new("token", tokens.Access)]) };
        request.Headers.Authorization = new("Basic", Convert.ToBase64String("introspector:introspector-secret-1"u8));
        using var answer = await _stack.Client.SendAsync(request, Cancellation);

        using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal((true, "api"), (json.RootElement.GetProperty("active").GetBoolean(), json.RootElement.GetProperty("client_id").GetString()));
    }

    private async Task<JsonElement> TokenAsync(params (string Name, string Value)[] parameters)
    {
        using var form = new FormUrlEncodedContent(parameters.Select(parameter => KeyValuePair.Create(parameter.Name, parameter.Value)));
        using var answer = await _stack.Client.PostAsync("/connect/token", form, Cancellation);
        var body = await answer.Content.ReadAsStringAsync(Cancellation);
        Assert.True(answer.IsSuccessStatusCode, body);
        using var json = JsonDocument.Parse(body);
        return json.RootElement.Clone();
    }

    private static async Task<string> RedirectAsync(HttpClient browser, string path)
    {
        using var answer = await browser.GetAsync(path, Cancellation);
        Assert.True((int)answer.StatusCode == 303, $"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(Cancellation)}");
        return answer.Headers.Location!.OriginalString;
    }

    private static string FormToken(string html)
    {
        var field = html[html.IndexOf("name=\"form_token\"", StringComparison.Ordinal)..];
        const string value = "value=\"";
        return field[(field.IndexOf(value, StringComparison.Ordinal) + value.Length)..].Split('"')[0];
    }
}
