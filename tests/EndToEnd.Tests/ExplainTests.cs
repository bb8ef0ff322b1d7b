using System.Text;
using System.Text.Json;
using Testing;

namespace EndToEnd.Tests;

/// <summary>What <c>POST /explain</c> says of a request is what becomes of that very request.</summary>
public sealed class ExplainTests(StackFixture system)
{
    private static readonly string[] Targets =
    [
        "/hello/", "/orders", "/reports", "/public/ping", "/public/echo/a%20b", "/echo/x?y=z", "/nothing",
        "/hello/../orders", "/public/%2e%2e/hello", "//hello/", "/echo/a%2Fb", "/echo/a\\b", "/echo/%00", "/echo/%zz", "*", "http://elsewhere/hello/", "/echo/#x",
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Verdict_equals_the_real_answer_for_every_kind_of_token_and_target()
    {
        var compared = 0;
        foreach (var (name, headers) in await CredentialsAsync())
        {
            foreach (var target in Targets)
            {
                compared++;
                await CompareAsync(name, "GET", target, headers);
            }
        }

        await CompareAsync("no token", "DELETE", "/orders", []);
        await CompareAsync("no token", "OPTIONS", "/hello/", [("Origin", "http://127.0.0.1:1234"), ("Access-Control-Request-Method", "GET")]);
        await CompareAsync("control byte", "GET", "/public/ping", [("X-A", "a\u0001b")]);
        Assert.True(compared > 100, $"only {compared} were compared");
    }

    [Fact]
    public async Task Facts_name_what_decided_and_never_the_token()
    {
        var tokens = await system.Stack.SignInAsync("bob", cancellationToken: Cancellation);
        Assert.Contains(Because(await ExplainAsync("GET", "/orders", [("Authorization", $"Bearer {tokens.Access}")])), fact => fact == "The policy asks for the scope 'orders.read'.");
        await system.Stack.Client.LogoutAsync(tokens.Access);
        var revoked = await ExplainAsync("GET", "/hello/", [("Authorization", $"Bearer {tokens.Access}")]);
        Assert.Equal(("refuse", "token_revoked", "hello", "default"), (
            revoked.GetProperty("decision").GetString(), revoked.GetProperty("code").GetString(), revoked.GetProperty("route").GetString(), revoked.GetProperty("policy").GetString()));
        Assert.Contains("A revocation covers it: sid.", Because(revoked));
        Assert.DoesNotContain(tokens.Access.Split('.')[2], revoked.GetRawText(), StringComparison.Ordinal);
        Assert.DoesNotContain(tokens.Access.Split('.')[1], revoked.GetRawText(), StringComparison.Ordinal);
        Assert.Equal("answer", (await ExplainAsync("GET", "/verify", [])).GetProperty("decision").GetString());
    }

    private async Task CompareAsync(string credentials, string method, string target, (string Name, string Value)[] headers)
    {
        var lines = string.Concat(headers.Select(header => $"{header.Name}: {header.Value}\r\n"));
        var real = await RawHttpClient.SendAsync(
            system.Stack.Address.Port, $"{method} {target} HTTP/1.1\r\nHost: {system.Stack.Address.Authority}\r\n{lines}\r\n", Cancellation);
        var explained = await ExplainAsync(method, target, [.. headers, ("Host", system.Stack.Address.Authority)]);
        var what = $"{method} {target} with {credentials}: {real.Status} {real.BodyText}; explained as {explained}";
        // What the server's parser refuses has no body and never gets as far as the steps that decide.
        if (real.Status is 400 or 405 && real.Body.Length == 0)
        {
            Assert.True(explained.GetProperty("status").GetInt32() == 400, what);
            return;
        }

        Assert.True(real.Status == explained.GetProperty("status").GetInt32(), what);
        Assert.True(Code(real) == explained.GetProperty("code").GetString(), what);
        Assert.True((real.Status is 200 or 204) == explained.GetProperty("decision").GetString() is "pass" or "answer", what);
    }

    private async Task<List<(string Name, (string, string)[] Headers)>> CredentialsAsync()
    {
        var alice = await system.Stack.SignInAsync(cancellationToken: Cancellation);
        var admin = await system.Stack.SignInAsync("admin", cancellationToken: Cancellation);
        var gone = await system.Stack.SignInAsync("bob", cancellationToken: Cancellation);
        await system.Stack.Client.LogoutAsync(gone.Access);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/connect/token")
        {
            Content = new FormUrlEncodedContent([new("grant_type", "client_credentials"), new("scope", "orders.read")]),
            Headers = { Authorization = new("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes("orders-service:orders-secret-1"))) },
        };
        using var response = await system.Stack.Client.SendAsync(request, Cancellation);
        using var service = JsonDocument.Parse(await response.Content.ReadAsStringAsync(Cancellation));
        var parts = alice.Access.Split('.');
        (string, string)[] Bearer(string token) => [("Authorization", $"Bearer {token}")];
        return
        [
            ("no token", []),
            ("a user's token", Bearer(alice.Access)),
            ("an administrator's token", Bearer(admin.Access)),
            ("a service's token", Bearer(service.RootElement.GetProperty("access_token").GetString()!)),
            ("a revoked token", Bearer(gone.Access)),
            ("a refresh token", Bearer(alice.Refresh)),
            ("garbage", Bearer("a.b.c")),
            ("a token with another payload", Bearer($"{parts[0]}.{admin.Access.Split('.')[1]}.{parts[2]}")),
            ("two credentials", [.. Bearer(alice.Access), .. Bearer(admin.Access)]),
            ("another scheme", [("Authorization", "Basic eDp5")]),
        ];
    }

    private static IEnumerable<string> Because(JsonElement explanation) => explanation.GetProperty("because").EnumerateArray().Select(fact => fact.GetString()!);

    private static string? Code(Http1Message message)
    {
        if (message.Value("Content-Type") != "application/problem+json") return null;
        using var body = JsonDocument.Parse(message.Body);
        return body.RootElement.GetProperty("code").GetString();
    }

    private async Task<JsonElement> ExplainAsync(string method, string path, (string Name, string Value)[] headers)
    {
        var question = new { method, path, headers = headers.GroupBy(header => header.Name).ToDictionary(group => group.Key, group => group.Select(header => header.Value)) };
        using var management = Stack.NewClient(new Uri(system.Stack.Gateway.Readiness, "/"));
        var answer = await Eventually.ValueAsync(
            async () => await management.PostAsync("/explain", question) is { Status: not 429 } given ? given : null, "it is explained", Cancellation);
        Assert.True(answer.Status == 200, $"{method} {path}: {answer}");
        return answer.Json;
    }
}
