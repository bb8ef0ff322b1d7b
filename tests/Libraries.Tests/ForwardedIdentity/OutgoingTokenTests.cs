using System.Collections.Concurrent;
using System.Text;
using ForwardedIdentity;
using ForwardedIdentity.Tokens;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Libraries.Tests.ForwardedIdentity;

/// <summary>A service that calls the next one: a token endpoint and the next service on the same real socket.</summary>
public sealed class OutgoingTokenTests : IAsyncLifetime
{
    private readonly ConcurrentQueue<IFormCollection> _requests = new();
    private readonly ConcurrentQueue<string> _credentials = new();
    private readonly Backend _backend;
    private Func<HttpContext, Task<bool>> _refuse = _ => Task.FromResult(false);

    public OutgoingTokenTests() => _backend = new Backend
    {
        Settings = { ["ClientId"] = "orders:1", ["ClientSecret"] = "s e%c+ret" },
        Adjust = services =>
        {
            // The address is known once the service runs: it calls itself.
            services.AddHttpClient("caller", client => client.BaseAddress = _backend!.Client.BaseAddress).AddForwardedIdentityHandler();
            services.AddHttpClient("caller-read", client => client.BaseAddress = _backend!.Client.BaseAddress).AddForwardedIdentityHandler(o => (o.Audience, o.Scope) = ("gateway", "orders.read"));
            services.AddHttpClient("service", client => client.BaseAddress = _backend!.Client.BaseAddress).AddServiceToken(o => o.Scope = "orders.read");
            services.PostConfigure<ForwardedIdentityOptions>(options => options.TokenEndpoint ??= new Uri("http://127.0.0.1:1/connect/token"));
        },
        Map = app =>
        {
            app.MapGet("/next", (HttpContext context) => context.Request.Headers.Authorization.ToString());
            app.MapGet("/refusing", () => Results.Unauthorized());
            app.MapPost("/connect/token", TokenAsync);
            app.MapGet("/call/{client}/{path}", CallAsync).RequireAuthorization();
            app.MapGet("/anonymous-call/{client}/{path}", CallAsync);
        },
    };

    public async ValueTask InitializeAsync()
    {
        await _backend.InitializeAsync();
        _backend.Services.GetRequiredService<Microsoft.Extensions.Options.IOptionsMonitor<ForwardedIdentityOptions>>().CurrentValue.TokenEndpoint =
            new Uri(_backend.Client.BaseAddress!, "/connect/token");
    }

    public ValueTask DisposeAsync() => _backend.DisposeAsync();

    [Fact]
    public async Task Callers_identity_is_exchanged_and_passed_on()
    {
        var token = _backend.Token();

        Assert.Equal($"Bearer token-for:{token}:::1", (await _backend.GetAsync("/call/caller-read/next", token)).Json.ToString());

        var form = Assert.Single(_requests);
        Assert.Equal("urn:ietf:params:oauth:grant-type:token-exchange", form["grant_type"].ToString());
        Assert.Equal((token, "urn:ietf:params:oauth:token-type:jwt"), (form["subject_token"].ToString(), form["subject_token_type"].ToString()));
        Assert.Equal(("gateway", "orders.read"), (form["audience"].ToString(), form["scope"].ToString()));
        // RFC 6749 section 2.3.1: encoded as a form before it is joined.
        Assert.Equal("orders%3A1:s+e%25c%2Bret", Encoding.ASCII.GetString(Convert.FromBase64String(_credentials.Single()["Basic ".Length..])));
    }

    [Fact]
    public async Task Users_who_call_at_once_get_each_their_own_token_fetched_once()
    {
        var tokens = Enumerable.Range(0, 20).Select(i => _backend.Token(claims => claims["sub"] = $"user-{i}")).ToList();

        var answers = await Task.WhenAll(Enumerable.Range(0, 400).Select(async i => (Token: tokens[i % 20], Answer: (await _backend.GetAsync("/call/caller/next", tokens[i % 20])).Json.ToString())));

        Assert.All(answers, call => Assert.StartsWith($"Bearer token-for:{call.Token}:", call.Answer, StringComparison.Ordinal));
        Assert.Equal(20, _requests.Count);
    }

    [Fact]
    public async Task Tokens_for_other_scopes_and_of_the_service_itself_are_kept_apart()
    {
        var token = _backend.Token();
        string[] clients = ["caller", "caller-read", "service"];
        foreach (var client in clients.Concat(clients)) await _backend.GetAsync($"/call/{client}/next", token);

        Assert.Equal(3, _requests.Count);
        Assert.Equal(["", "orders.read", "orders.read"], _requests.Select(form => form["scope"].ToString()));
        Assert.Equal("client_credentials", _requests.Last()["grant_type"].ToString());
        Assert.False(_requests.Last().ContainsKey("subject_token"));
    }

    [Fact]
    public async Task Without_a_verified_caller_nothing_is_sent()
    {
        Assert.Equal(nameof(InvalidOperationException), (await _backend.GetAsync("/anonymous-call/caller/next", token: null)).Json.ToString());
        Assert.Equal(nameof(InvalidOperationException), (await _backend.GetAsync("/anonymous-call/caller/next", _backend.Token(claims => claims["aud"] = "other"))).Json.ToString());
        Assert.StartsWith("Bearer token-for:::", (await _backend.GetAsync("/anonymous-call/service/next", token: null)).Json.ToString(), StringComparison.Ordinal);

        Assert.Single(_requests);
    }

    [Fact]
    public async Task Refused_exchange_says_why_and_sends_nothing()
    {
        _refuse = async context =>
        {
            context.Response.StatusCode = 400;
            await context.Response.WriteAsync("""{"error":"invalid_grant","error_description":"The session has ended."}""");
            return true;
        };

        Assert.Equal("invalid_grant", (await _backend.GetAsync("/call/caller/next", _backend.Token())).Json.ToString());
    }

    [Fact]
    public async Task Token_that_the_next_service_refuses_is_not_used_again()
    {
        var token = _backend.Token();
        await _backend.GetAsync("/call/caller/next", token);
        await _backend.GetAsync("/call/caller/refusing", token);
        await _backend.GetAsync("/call/caller/next", token);

        Assert.Equal(2, _requests.Count);
    }

    private static async Task<IResult> CallAsync(HttpContext context, string client, string path, IHttpClientFactory clients)
    {
        try
        {
            using var http = clients.CreateClient(client);
            using var response = await http.GetAsync(new Uri("/" + path, UriKind.Relative), context.RequestAborted);
            return Results.Text(await response.Content.ReadAsStringAsync(context.RequestAborted));
        }
        catch (TokenRefusedException refused)
        {
            return Results.Text(refused.Error);
        }
        catch (InvalidOperationException)
        {
            return Results.Text(nameof(InvalidOperationException));
        }
    }

    private async Task TokenAsync(HttpContext context)
    {
        var form = await context.Request.ReadFormAsync();
        if (await _refuse(context)) return;
        _requests.Enqueue(form);
        _credentials.Enqueue(context.Request.Headers.Authorization.ToString());
        await context.Response.WriteAsJsonAsync(new { access_token = $"token-for:{form["subject_token"]}:::{_requests.Count}", token_type = "Bearer", expires_in = 300 });
    }
}
