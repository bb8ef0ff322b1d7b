using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Testing;

namespace EndToEnd.Tests;

/// <summary>An answer, read to its end.</summary>
internal sealed record Answer(int Status, HttpResponseHeaders Headers, string? MediaType, string Body)
{
    public JsonElement Json
    {
        get
        {
            using var document = JsonDocument.Parse(Body);
            return document.RootElement.Clone();
        }
    }

    /// <summary>The stable code of a refusal.</summary>
    public string? Code => Json.GetProperty("code").GetString();

    public TokenPair Tokens => new(Json.GetProperty("access").GetString()!, Json.GetProperty("refresh").GetString()!);

    public override string ToString() => $"{Status} {Body}";
}

/// <summary>The requests of the JSON API, at any gateway or service.</summary>
internal static class Api
{
    public static Task<Answer> RefreshAsync(this HttpClient client, string refresh) => client.PostAsync("/api/token/refresh/", new { refresh });

    public static Task<Answer> VerifyAsync(this HttpClient client, string token) => client.PostAsync("/api/token/verify/", new { token });

    public static Task<Answer> LogoutAsync(this HttpClient client, string access) => client.AskAsync(HttpMethod.Post, "/api/logout", access);

    public static Task<Answer> GetAsync(this HttpClient client, string path, string? access) => client.AskAsync(HttpMethod.Get, path, access);

    public static Task<Answer> PostAsync(this HttpClient client, string path, object body, string? access = null) =>
        client.AskAsync(HttpMethod.Post, path, access, new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json"));

    public static async Task<Answer> AskAsync(this HttpClient client, HttpMethod method, string path, string? access, HttpContent? content = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        if (access is not null) request.Headers.Authorization = new("Bearer", access);
        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return new Answer((int)response.StatusCode, response.Headers, response.Content.Headers.ContentType?.MediaType, body);
    }
}
