using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Web;
using AuthService.OAuth.Authorization;
using AuthService.SignIn;
using Microsoft.Extensions.DependencyInjection;

namespace AuthService.Tests.OAuth;

/// <summary>A browser, and the client it works for: keeps cookies, follows nothing, remembers its verifier.</summary>
internal sealed class OAuthBrowser(OAuthWorld world) : IDisposable
{
    internal const string Redirect = "http://127.0.0.1:4711/callback";

    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = world.Service.Client.BaseAddress };
    private readonly Dictionary<string, string> _cookies = new(StringComparer.Ordinal);

    internal static string Verifier => new('v', 64);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _client.Dispose();

    /// <summary>A browser that is signed in, as by the sign-in page.</summary>
    internal static async Task<OAuthBrowser> SignedInAsync(OAuthWorld world, string user = "alice", long? authTime = null)
    {
        var browser = new OAuthBrowser(world);
        await browser.SignInAsync(user, authTime);
        return browser;
    }

    internal async Task SignInAsync(string user = "alice", long? authTime = null)
    {
        var secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32))[..43];
        var account = await world.AccountAsync(user);
        await world.Service.Services.GetRequiredService<BrowserSignIns>().StartAsync(
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret))), account, authTime ?? TimeProvider.System.GetUtcNow().ToUnixTimeSeconds(), ["pwd"], null, Cancellation);
        _cookies[SignInCookie.Name] = secret;
    }

    internal void ForgetSignIn() => _cookies.Remove(SignInCookie.Name);

    internal void Forget() => _cookies.Clear();

    /// <summary>Id of the sign-in that the cookie stands for.</summary>
    internal string SignInId => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(_cookies[SignInCookie.Name])));

    internal string CookieHeader => string.Join("; ", _cookies.Select(cookie => $"{cookie.Key}={cookie.Value}"));

    internal bool Has(string cookie) => _cookies.ContainsKey(cookie);

    internal async Task<BrowserAnswer> SendAsync(HttpMethod method, string path, string? form = null, bool crossSite = false)
    {
        using var request = new HttpRequestMessage(method, path);
        // SameSite=Lax: not sent with a form from another site.
        if (_cookies.Count > 0 && !crossSite) request.Headers.Add("Cookie", CookieHeader);
        if (form is not null) request.Content = new StringContent(form, Encoding.UTF8, "application/x-www-form-urlencoded");
        using var response = await _client.SendAsync(request, Cancellation);
        if (response.Headers.TryGetValues("Set-Cookie", out var set))
        {
            foreach (var cookie in set)
            {
                var pair = cookie.Split(';')[0].Split('=', 2);
                if (pair[1].Length == 0) _cookies.Remove(pair[0]);
                else _cookies[pair[0]] = pair[1];
            }
        }

        return new BrowserAnswer(
            (int)response.StatusCode, response.Headers.Location?.OriginalString, response.Headers.ToDictionary(header => header.Key, header => string.Join(", ", header.Value), StringComparer.OrdinalIgnoreCase),
            await response.Content.ReadAsStringAsync(Cancellation));
    }

    internal Task<BrowserAnswer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    /// <summary>Asks for authorization. A change of a null value takes a parameter away.</summary>
    internal Task<BrowserAnswer> AuthorizeAsync(params (string Name, string? Value)[] changes) => GetAsync("/connect/authorize?" + Query(changes));

    internal static string Query(params (string Name, string? Value)[] changes)
    {
        var parameters = new List<(string Name, string? Value)>
        {
            ("client_id", "demo-spa"), ("redirect_uri", Redirect), ("response_type", "code"), ("scope", "openid profile"), ("state", "s t&a=te"), ("nonce", "n-1"),
            ("code_challenge", Pkce.Challenge(Verifier)), ("code_challenge_method", "S256"),
        };
        foreach (var change in changes)
        {
            var at = parameters.FindIndex(parameter => parameter.Name == change.Name);
            if (at < 0) parameters.Add(change);
            else parameters[at] = change;
        }

        return Encode(parameters);
    }

    internal static string Encode(IEnumerable<(string Name, string? Value)> parameters) =>
        string.Join('&', parameters.Where(parameter => parameter.Value is not null).Select(parameter => $"{parameter.Name}={WebUtility.UrlEncode(parameter.Value)}"));

    /// <summary>A code for the signed-in user.</summary>
    internal async Task<string> CodeAsync(params (string Name, string? Value)[] changes)
    {
        var answer = await AuthorizeAsync(changes);
        return answer.Parameter("code") ?? throw new InvalidOperationException($"{answer.Status} {answer.Location} {answer.Body}");
    }

    /// <summary>Redeems a code as the public client would.</summary>
    internal Task<TokenAnswer> RedeemAsync(string code, string clientId = "demo-spa", string redirect = Redirect, string? verifier = null) => world.AskAsync(
        null, ("grant_type", "authorization_code"), ("client_id", clientId), ("code", code), ("redirect_uri", redirect), ("code_verifier", verifier ?? Verifier));

    /// <summary>Signs the client in.</summary>
    internal async Task<TokenAnswer> TokensAsync(params (string Name, string? Value)[] changes) => await RedeemAsync(await CodeAsync(changes));
}

internal sealed record BrowserAnswer(int Status, string? Location, IReadOnlyDictionary<string, string> Headers, string Body)
{
    /// <summary>A parameter of the redirect.</summary>
    public string? Parameter(string name) =>
        Location?.Split('?', 2) is [_, var query] ? HttpUtility.ParseQueryString(query)[name] : null;

    /// <summary>The redirect without its parameters.</summary>
    public string? Target => Location?.Split('?')[0];

    public string? Ticket => Parameter("ticket");
}
