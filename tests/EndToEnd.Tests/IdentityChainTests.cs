using System.Text;
using System.Text.Json;

namespace EndToEnd.Tests;

/// <summary>Who called, through gateway, backend and gateway again, by real tokens of real processes.</summary>
public sealed class IdentityChainTests(StackFixture fixture)
{
    private const string Exchange = "urn:ietf:params:oauth:grant-type:token-exchange";

    private readonly HttpClient _client = fixture.Stack.Client;

    [Fact]
    public async Task Chain_of_three_hops_ends_with_the_user_as_subject_and_both_services_as_actors()
    {
        var alice = await fixture.Stack.SignInAsync();
        var user = (await _client.GetAsync("/echo/who", alice.Access)).Json.GetProperty("claims");
        var orders = await TokenAsync(("grant_type", Exchange), ("subject_token", alice.Access), ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"));

        var answer = await _client.GetAsync("/chain/hello", orders.Json.GetProperty("access_token").GetString());

        Assert.Equal(200, answer.Status);
        Assert.Equal("/echo/chain", answer.Json.GetProperty("path").GetString());
        var claims = answer.Json.GetProperty("claims");
        Assert.Equal("""{"sub":"sample-backend","act":{"sub":"orders-service"}}""", Text(claims, "act"));
        foreach (var same in new[] { "sub", "sid", "name", "roles", "auth_time" }) Assert.Equal(Text(user, same), Text(claims, same));
        Assert.Equal("sample-backend", Text(claims, "client_id"));
        Assert.Equal(Text(user, "sub"), Text(answer.Json.GetProperty("headers"), "X-User-Id"));
    }

    [Fact]
    public async Task Users_who_call_at_once_are_never_taken_for_one_another()
    {
        var tokens = await Task.WhenAll(new[] { "alice", "bob", "admin" }.Select(user => fixture.Stack.SignInAsync(user)));
        var subjects = await Task.WhenAll(tokens.Select(async token => Text((await _client.GetAsync("/echo/who", token.Access)).Json.GetProperty("claims"), "sub")));
        Assert.Equal(3, subjects.Distinct().Count());

        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(async i => (i, Answer: await _client.GetAsync("/chain/hello", tokens[i % 3].Access))));

        Assert.All(answers, call =>
        {
            Assert.Equal(200, call.Answer.Status);
            Assert.Equal(subjects[call.i % 3], Text(call.Answer.Json.GetProperty("claims"), "sub"));
        });
    }

    [Fact]
    public async Task Logged_out_user_is_passed_on_no_further()
    {
        var bob = await fixture.Stack.SignInAsync("bob");
        Assert.Equal(200, (await _client.GetAsync("/chain/hello", bob.Access)).Status);
        var derived = (await TokenAsync(("grant_type", Exchange), ("subject_token", bob.Access), ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token")))
            .Json.GetProperty("access_token").GetString();
        Assert.Equal(200, (await _client.GetAsync("/hello/", derived)).Status);

        await _client.LogoutAsync(bob.Access);

        Assert.Equal((401, "token_revoked"), Refusal(await _client.GetAsync("/chain/hello", bob.Access)));
        Assert.Equal((401, "token_revoked"), Refusal(await _client.GetAsync("/hello/", derived)));
    }

    [Fact]
    public async Task Service_reads_orders_with_the_scope_it_asked_for_and_writes_none()
    {
        var answer = await TokenAsync(("grant_type", "client_credentials"), ("scope", "orders.read"));
        var token = answer.Json.GetProperty("access_token").GetString();

        Assert.Equal(200, (await _client.GetAsync("/orders", token)).Status);
        Assert.Equal((403, "insufficient_scope"), Refusal(await _client.PostAsync("/orders", new { item = "book", quantity = 1 }, token)));
        var claims = (await _client.GetAsync("/echo/who", token)).Json.GetProperty("claims");
        Assert.Equal(("orders-service", "orders-service"), (Text(claims, "sub"), Text(claims, "client_id")));
        Assert.False(claims.TryGetProperty("sid", out _) || claims.TryGetProperty("name", out _) || claims.TryGetProperty("roles", out _));
    }

    [Fact]
    public async Task Name_outside_ascii_arrives_equal_by_header_and_token()
    {
        const string name = "Zoë \"Ünï\" Łęcki, 李";
        var user = $"zoe-{Guid.NewGuid():N}";
        var made = await fixture.Stack.AuthService.RunAsync(
            ["users", "create", user, "--name", name, "--password-stdin"], "a-long-password-1\n", TestContext.Current.CancellationToken);
        Assert.True(made.ExitCode == 0, made.ToString());
        var zoe = await fixture.Stack.SignInAsync(user, "a-long-password-1");

        foreach (var path in new[] { "/echo/name", "/chain/hello" })
        {
            var echo = (await _client.GetAsync(path, zoe.Access)).Json;
            Assert.Equal(name, Text(echo.GetProperty("claims"), "name"));
            Assert.Equal(name, Uri.UnescapeDataString(Text(echo.GetProperty("headers"), "X-User-Name")!));
        }
    }

    private static (int, string?) Refusal(Answer answer) => (answer.Status, answer.Code);

    /// <summary>The first value of a header or claim.</summary>
    private static string? Text(JsonElement values, string name) => values.GetProperty(name)[0].GetString();

    private async Task<Answer> TokenAsync(params (string Name, string Value)[] form)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/connect/token");
        request.Content = new FormUrlEncodedContent(form.ToDictionary(pair => pair.Name, pair => pair.Value));
        request.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("orders-service:orders-secret-1")));
        using var response = await _client.SendAsync(request, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, body);
        return new Answer((int)response.StatusCode, response.Headers, response.Content.Headers.ContentType?.MediaType, body);
    }
}
