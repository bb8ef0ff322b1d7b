using FsCheck;
using FsCheck.Fluent;
using Testing;

namespace EndToEnd.Tests;

/// <summary>Requests that nobody means, over bare sockets: the services refuse them, and never fail or give anything away.</summary>
public sealed class FuzzTests : IAsyncLifetime
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(5);

    // A stack of its own: so many failed sign-ins slow an address down.
    private Stack _stack = null!;

    public async ValueTask InitializeAsync() => _stack = await Stack.StartAsync(cancellationToken: TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _stack.DisposeAsync();

    [Fact]
    public Task Gateway_refuses_whatever_comes() => CheckAsync(_stack.Gateway);

    [Fact]
    public Task Auth_service_refuses_whatever_comes() => CheckAsync(_stack.AuthService);

    private async Task CheckAsync(ServiceProcess service)
    {
        var genuine = await _stack.SignInAsync("bob");
        var answered = 0;
        var requests = new FuzzRequests(genuine, service.Address.Authority).Requests;
        Prop.ForAll(requests.ToArbitrary(), request =>
        {
            var answer = RawConnection.AskAsync(service.Address, request.Text, Wait, TestContext.Current.CancellationToken).GetAwaiter().GetResult();
            if (answer is null) return;
            answered++;
            Assert.True(answer.Status < 500, $"{answer.Status} {answer.BodyText}");
            if (answer.Status is >= 200 and < 300) Assert.True(request.MayPass, $"{answer.Status} {answer.BodyText}");
            Assert.DoesNotContain("\"access\"", answer.BodyText, StringComparison.Ordinal);
            Assert.DoesNotContain("Hello, World!", answer.BodyText, StringComparison.Ordinal);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1000));

        Assert.True(answered > 500, $"only {answered} of 1000 requests were answered");
        Assert.True(service.Running);
        // The service is as it was, and so is the session whose tokens were mangled.
        Assert.Equal(200, (await _stack.Client.GetAsync("/hello/", genuine.Access)).Status);
        Assert.Equal(200, (await _stack.Client.RefreshAsync(genuine.Refresh)).Status);
    }
}

/// <summary>One request as it goes over the wire, one byte a character.</summary>
internal sealed record FuzzRequest(string Method, string Target, string Headers, string Body)
{
    public string Text => $"{Method} {Target} HTTP/1.1\r\n{Headers}Content-Length: {Body.Length}\r\n\r\n{Body}";

    /// <summary>Whether anybody may have a 2xx answer to it: it names something public.</summary>
    public bool MayPass =>
        Target.Contains("/public/", StringComparison.OrdinalIgnoreCase)
        || Target.Contains("/.well-known/", StringComparison.OrdinalIgnoreCase)
        || (Method == "POST" && Target.Contains("/api/users", StringComparison.OrdinalIgnoreCase));

    public override string ToString() => Text;
}

/// <summary>Requests near enough to real ones to get past the first check, and wrong somewhere.</summary>
internal sealed class FuzzRequests(TokenPair genuine, string host)
{
    private static readonly string[] Paths =
    [
        "/hello/", "/reports", "/orders", "/echo/x", "/public/ping", "/public/echo/x", "/ws/echo", "/verify", "/.well-known/jwks.json",
        "/api/token/", "/api/token/refresh/", "/api/token/verify/", "/api/token/blacklist/", "/api/logout", "/api/sessions",
        "/api/users", "/api/users/me", "/api/users/me/password", "/connect/token", "/",
    ];

    private static readonly string[] Spices =
    [
        "%2e", "%2E%2e/", "../", "./", "//", "\\", "%5c", "%2f", "%00", "%", "%zz", "%c0%ae", "#", "?", ";", ";..", "&", "=", "\0", "\u0001", "\u007f", "\u0080",
        "\u00ff", "\t", "\"", "'", "{", "}", "[", "]", ",", ":", "null", "true", "-1", "1e999", "\\u0000", "\\ud800", ".", "..", "~", "A", "gwr_", "eyJ", "==",
    ];

    private static readonly Gen<string> Spice = Gen.OneOf(Gen.Elements(Spices), Gen.Choose(0, 255).Where(octet => octet is not ((int)'\r' or (int)'\n')).Select(octet => $"{(char)octet}"));

    public Gen<FuzzRequest> Requests =>
        from method in Gen.Frequency((4, Gen.Constant("GET")), (6, Gen.Constant("POST")), (1, Gen.Elements("PUT", "DELETE", "PATCH", "OPTIONS", "BREW")))
        from target in Gen.Elements(Paths).SelectMany(path => Mostly(path))
        from headers in Headers
        from body in Body
        select new FuzzRequest(method, target.Replace(' ', '+'), headers, body);

    private Gen<string> Headers =>
        from type in Gen.Elements("Content-Type: application/json\r\n", "Content-Type: application/x-www-form-urlencoded\r\n", "Content-Type: text/plain\r\n", "Content-Type: application/json; charset=utf-16\r\n", "")
        from authorization in Gen.OneOf(
            Gen.Constant(""),
            Mangled(genuine.Access).Select(token => $"Authorization: Bearer {token}\r\n"),
            Gen.Constant($"Authorization: Bearer {genuine.Refresh}\r\n"),
            Mangled(genuine.Access).Select(token => $"Authorization: Bearer {token}\r\nAuthorization: Basic YTpi\r\n"),
            Mangled("Basic YTpi").Select(value => $"Authorization: {value}\r\n"))
        from other in Gen.OneOf(
            Gen.Constant(""),
            Gen.Elements("X-User-Id", "X_User_Roles", "X-Forwarded-For", "X-Forwarded-Uri", "Cookie", "Origin", "Connection", "Accept", "Upgrade")
                .SelectMany(name => Mangled("admin").Select(value => $"{name}: {value}\r\n")))
        select $"Host: {host}\r\n{type}{authorization}{other}";

    private Gen<string> Body => Gen.OneOf(
        Gen.Constant(""),
        Gen.Elements("null", "[]", "{}", "\"\"", "0", "{\"username\":", "\u00ff\u00fe", new string('[', 5000), "{\"refresh\":" + new string('{', 100)),
        from member in Gen.Elements("refresh", "token", "username", "password", "current_password", "grant_type")
        from value in Gen.OneOf(
            Mangled(genuine.Refresh).Select(Quoted), Mangled(genuine.Access).Select(Quoted),
            Gen.Elements("null", "1", "[]", "{}", "true", "\"\"", "\" \"", "\"\\ud800\"", "\"\\u0000\"", $"\"{new string('x', 20000)}\""))
        from text in Mostly($"{{\"{member}\":{value},\"username\":\"alice\",\"password\":\"not-hers\"}}")
        select text,
        Mangled("username=alice&password=not-hers&refresh=x&grant_type=password"));

    /// <summary>The text itself, or mangled.</summary>
    private static Gen<string> Mostly(string text) => Gen.Frequency((1, Gen.Constant(text)), (1, Mangled(text)));

    /// <summary>The text with one to four places changed, and surely another text.</summary>
    internal static Gen<string> Mangled(string text) =>
        from times in Gen.Choose(1, 4)
        from places in Gen.Choose(0, text.Length).ListOf(times)
        from spices in Spice.ListOf(times)
        from cuts in Gen.Choose(0, 2).ListOf(times)
        let mangled = Enumerable.Range(0, times).Aggregate(text, (current, i) => Change(current, places[i], cuts[i], spices[i]))
        select mangled.Trim() == text ? mangled + "~" : mangled;

    private static string Change(string text, int place, int cut, string spice)
    {
        var at = Math.Min(place, text.Length);
        return text[..at] + spice + text[Math.Min(text.Length, at + cut)..];
    }

    private static string Quoted(string text) => $"\"{text.Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
