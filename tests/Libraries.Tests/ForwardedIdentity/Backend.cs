using System.Text.Json;
using System.Text.Json.Nodes;
using ForwardedIdentity;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Testing;

namespace Libraries.Tests.ForwardedIdentity;

/// <summary>A customer's service on a real socket, and a gateway that is a key server.</summary>
public sealed class Backend : IAsyncLifetime
{
    private WebApplication _app = null!;

    internal SigningKey Key { get; } = SigningKey.Create();

    internal KeyServer Gateway { get; private set; } = null!;

    internal HttpClient Client { get; private set; } = null!;

    internal IServiceProvider Services => _app.Services;

    /// <summary>Settings of the section, beside the gateway's address and the audience.</summary>
    internal Dictionary<string, string?> Settings { get; init; } = [];

    internal Action<IServiceCollection> Adjust { get; init; } = _ => { };

    internal Action<WebApplication> Map { get; init; } = _ => { };

    public async ValueTask InitializeAsync()
    {
        Gateway = await KeyServer.StartAsync(Key);
        await StartAsync();
    }

    internal async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ForwardedIdentity:Gateway"] = Gateway.Issuer,
            ["ForwardedIdentity:KeysAddress"] = Gateway.Issuer + "/jwks",
            ["ForwardedIdentity:Audience"] = "orders",
        });
        builder.Configuration.AddInMemoryCollection(Settings.Select(setting => KeyValuePair.Create("ForwardedIdentity:" + setting.Key, setting.Value)));
        builder.Services.AddForwardedIdentity();
        builder.Services.AddAuthorizationBuilder()
            .AddPolicy("admin", policy => policy.RequireRole("admin"))
            .AddPolicy("read", policy => policy.RequireScope("orders.read"));
        builder.Services.AddHealthChecks().AddForwardedIdentity();
        Adjust(builder.Services);
        _app = builder.Build();
        _app.UseAuthentication();
        _app.UseAuthorization();
        _app.MapGet("/me", (HttpContext context) => Results.Json(new
        {
            name = context.User.Identity!.Name,
            claims = context.User.Claims.GroupBy(claim => claim.Type).ToDictionary(group => group.Key, group => group.Select(claim => claim.Value)),
            actors = context.User.GetActors(),
            scopes = context.User.GetScopes(),
        })).RequireAuthorization();
        _app.MapGet("/admin", () => "yes").RequireAuthorization("admin");
        _app.MapGet("/read", () => "yes").RequireAuthorization("read");
        _app.MapHealthChecks("/health");
        Map(_app);
        await _app.StartAsync(TestContext.Current.CancellationToken);
        Client = new HttpClient { BaseAddress = new Uri(_app.Urls.Single()) };
    }

    public async ValueTask DisposeAsync()
    {
        Client?.Dispose();
        if (_app is not null) await _app.DisposeAsync();
        await Gateway.DisposeAsync();
        Key.Dispose();
    }

    /// <summary>An identity token of the gateway; the changes make what is wrong with it.</summary>
    internal string Token(Action<JsonObject>? payload = null, Action<JsonObject>? header = null, SigningKey? key = null)
    {
        var (head, body) = (Header(key), Payload());
        header?.Invoke(head);
        payload?.Invoke(body);
        return TokenForge.Sign(key ?? Key, head.ToJsonString(), body.ToJsonString());
    }

    internal JsonObject Header(SigningKey? key = null) => new() { ["alg"] = "ES256", ["typ"] = "identity+jwt", ["kid"] = (key ?? Key).Kid };

    internal JsonObject Payload()
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        return new JsonObject
        {
            ["iss"] = Gateway.Issuer,
            ["aud"] = "orders",
            ["sub"] = "u-1",
            ["name"] = "Zoë \"Ünï\" Łęcki, 李",
            ["roles"] = new JsonArray("user", "admin"),
            ["scope"] = "profile orders.read",
            ["client_id"] = "api",
            ["sid"] = "s-1",
            ["iat"] = now,
            ["exp"] = now + 60,
        };
    }

    internal Task<(int Status, JsonElement Json)> GetAsync(string path, string? token) =>
        GetAsync(path, token is null ? [] : [("X-Identity-Token", token)]);

    internal async Task<(int Status, JsonElement Json)> GetAsync(string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await Client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        using var json = JsonDocument.Parse(text.StartsWith('{') ? text : JsonSerializer.Serialize(text));
        return ((int)response.StatusCode, json.RootElement.Clone());
    }

    internal async Task<string?> CodeAsync(string? token) => Code(await GetAsync("/me", token));

    internal static string? Code((int Status, JsonElement Json) answer) =>
        answer.Json.ValueKind == JsonValueKind.Object && answer.Json.TryGetProperty("code", out var code) ? $"{answer.Status} {code.GetString()}" : $"{answer.Status}";
}
