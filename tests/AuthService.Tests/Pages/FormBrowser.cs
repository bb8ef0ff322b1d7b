using System.Net;
using System.Text.RegularExpressions;

namespace AuthService.Tests.Pages;

/// <summary>A browser as far as forms and cookies go: fills in the form of the page it is at, and follows no redirect.</summary>
internal sealed partial class FormBrowser(Uri service) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false }) { BaseAddress = service };

    /// <summary>Cookies by name, as the last answers set them. Which path they are for is in <see cref="SetCookies"/>.</summary>
    public Dictionary<string, string> Cookies { get; } = [];

    /// <summary>Every <c>Set-Cookie</c> so far.</summary>
    public List<string> SetCookies { get; } = [];

    /// <summary>Headers of the requests from now on.</summary>
    public Dictionary<string, string> Headers { get; } = [];

    public string Path { get; private set; } = "";

    public string Html { get; private set; } = "";

    public HttpResponseMessage Answer { get; private set; } = null!;

    public int Status => (int)Answer.StatusCode;

    public string? Location => Answer.Headers.Location?.OriginalString;

    public Task<FormBrowser> GoAsync(string path) => SendAsync(HttpMethod.Get, path, null);

    /// <summary>Goes to where the last answer pointed.</summary>
    public Task<FormBrowser> FollowAsync() => GoAsync(Location ?? throw new InvalidOperationException($"{Status} points nowhere: {Html}"));

    /// <summary>Sends the form of the page it is at, to its own address or another.</summary>
    public Task<FormBrowser> SubmitAsync(string? action, params (string Name, string Value)[] fields)
    {
        var token = TokenField().Match(Html);
        return SendAsync(HttpMethod.Post, action ?? Path, new FormUrlEncodedContent(
            fields.Select(field => KeyValuePair.Create(field.Name, field.Value))
                .Concat(token.Success ? [KeyValuePair.Create("form_token", WebUtility.HtmlDecode(token.Groups["token"].Value))] : [])));
    }

    public async Task<FormBrowser> SignInAsync(string userName = "alice", string? password = null)
    {
        await GoAsync("/connect/signin");
        return await SubmitAsync(null, ("username", userName), ("password", password ?? $"{userName}-password-1"));
    }

    public async Task<FormBrowser> SendAsync(HttpMethod method, string path, HttpContent? content)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (Cookies.Count > 0) request.Headers.Add("Cookie", string.Join("; ", Cookies.Select(cookie => $"{cookie.Key}={cookie.Value}")));
        foreach (var (name, value) in Headers) request.Headers.TryAddWithoutValidation(name, value);
        Answer = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        Html = await Answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Path = path;
        foreach (var cookie in Answer.Headers.TryGetValues("Set-Cookie", out var set) ? set : [])
        {
            SetCookies.Add(cookie);
            var pair = cookie.Split(';')[0].Split('=', 2);
            if (pair[1].Length == 0) Cookies.Remove(pair[0]);
            else Cookies[pair[0]] = pair[1];
        }
        return this;
    }

    public void Dispose() => _http.Dispose();

    [GeneratedRegex("name=\"form_token\" type=\"hidden\" value=\"(?<token>[^\"]+)\"", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex TokenField();
}
