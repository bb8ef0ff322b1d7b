using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Testing;

namespace EndToEnd.Tests.Administration;

/// <summary>A running system of its own, and what an administrator and users do with it.</summary>
public abstract class AdministeredSystem : IAsyncLifetime
{
    protected const string Password = "a long password 1";

    private readonly RecordingHandler _recording = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false });
    private readonly SystemUnderTest _system = new();

    /// <summary>A client of the gateway that records.</summary>
    protected HttpClient Client { get; private set; } = null!;

    /// <summary>Everything that went through it.</summary>
    internal IReadOnlyList<RecordedExchange> Exchanges => _recording.Exchanges;

    /// <summary>An access token of the administrator.</summary>
    protected string Administrator { get; set; } = "";

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await _system.StartAsync(new StackOptions { AuthServiceEnvironment = new Dictionary<string, string> { ["AuthService__RegistrationEnabled"] = "true" } });
        Client = new HttpClient(_recording) { BaseAddress = _system.Stack.Address };
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        Client?.Dispose();
        await _system.DisposeAsync();
    }

    /// <summary>Runs the program of the auth-service with a command, as it runs: with its settings.</summary>
    protected Task<CommandResult> CommandAsync(string[] arguments, string input, CancellationToken cancellationToken) =>
        _system.Stack.AuthService.RunAsync(arguments, input, cancellationToken);

    protected async Task<string?> ActiveKeyAsync()
    {
        var pair = await _system.Stack.SignInAsync("bob", cancellationToken: Cancellation);
        return JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(pair.Access.Split('.')[0])).RootElement.GetProperty("kid").GetString();
    }

    /// <summary>Revoked, and confirmed by every gateway.</summary>
    protected void InForce(JsonElement answer)
    {
        var gateways = _system.Stack.Gateways.Count;
        Assert.True(answer.GetProperty("revoked").GetInt32() > 0, answer.GetRawText());
        Assert.True(answer.GetProperty("durable").GetBoolean(), answer.GetRawText());
        Assert.Equal((gateways, gateways), (answer.GetProperty("gateways").GetInt32(), answer.GetProperty("acknowledged").GetInt32()));
    }

    protected async Task<string> RunAsync(string[] arguments, string input = "")
    {
        var result = await CommandAsync(arguments, input, Cancellation);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', arguments)}: {result}");
        return result.Output;
    }

    protected async Task<JsonElement> RunJsonAsync(string[] arguments, string input = "")
    {
        using var document = JsonDocument.Parse(await RunAsync([.. arguments, "--json"], input));
        return document.RootElement.Clone();
    }

    /// <summary>The types of the audit events about somebody or something, in their order.</summary>
    protected async Task<List<string>> AuditAsync(string subject, string prefix = "")
    {
        var page = await AdminAsync(HttpMethod.Get, $"/audit?limit=200&subject={subject}");
        Assert.Equal(200, page.Status);
        return [.. page.Json.GetProperty("items").EnumerateArray().Select(audit => audit.GetProperty("type").GetString()!).Where(type => type.StartsWith(prefix, StringComparison.Ordinal)).Reverse()];
    }

    private protected async Task<Session> SignInAsync(string user, string password)
    {
        var answer = await Client.PostAsync("/api/token/", new { username = user, password });
        Assert.True(answer.Status == 200, answer.ToString());
        return Session.Of(answer);
    }

    private protected async Task<Session> RefreshAsync(Session session)
    {
        var answer = await Client.RefreshAsync(session.Refresh);
        Assert.True(answer.Status == 200, answer.ToString());
        return Session.Of(answer);
    }

    protected async Task<int> HelloAsync(string access) => (await AskAsync(HttpMethod.Get, "/hello/", access)).Status;

    protected async Task<(int Status, string? Code)> ReasonAsync(string? access, string path = "/hello/")
    {
        var answer = await AskAsync(HttpMethod.Get, path, access);
        return (answer.Status, answer.Code);
    }

    protected async Task<string> UserAsync(string name)
    {
        var made = await AdminAsync(HttpMethod.Post, "/users", new { username = name, password = Password });
        Assert.Equal(201, made.Status);
        return made.Json.GetProperty("id").GetString()!;
    }

    private protected async Task<Answer> PostAsync(string path, object body, string access, int status)
    {
        var answer = await Client.PostAsync(path, body, access);
        Assert.True(answer.Status == status, $"{path}: {answer}");
        return answer;
    }

    private protected async Task<Answer> FormAsync(string path, params (string Name, string Value)[] fields)
    {
        using var form = new FormUrlEncodedContent(fields.ToDictionary(field => field.Name, field => field.Value));
        return await Client.AskAsync(HttpMethod.Post, path, access: null, form);
    }

    /// <summary>RFC 6238 with SHA-1, six digits and 30 seconds, as authenticators make codes.</summary>
    protected static string Totp(byte[] secret, int stepsAhead = 0)
    {
        var counter = new byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(counter, TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 30 + stepsAhead);
#pragma warning disable CA5350 // What authenticators implement.
        var mac = System.Security.Cryptography.HMACSHA1.HashData(secret, counter);
#pragma warning restore CA5350
        var number = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(mac.AsSpan(mac[^1] & 0xf)) & 0x7fffffff;
        return (number % 1_000_000).ToString("D6", System.Globalization.CultureInfo.InvariantCulture);
    }

    protected static byte[] Base32(string text)
    {
        var bits = string.Concat(text.TrimEnd('=').Select(c => Convert.ToString("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".IndexOf(c, StringComparison.Ordinal), 2).PadLeft(5, '0')));
        return [.. Enumerable.Range(0, bits.Length / 8).Select(i => Convert.ToByte(bits.Substring(8 * i, 8), 2))];
    }

    protected async Task<string?> ServiceTokenAsync(string id, string secret)
    {
        var answer = await FormAsync("/connect/token", ("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret));
        return answer.Json.TryGetProperty("access_token", out var token) ? token.GetString() : null;
    }

    private protected Task<Answer> AskAsync(HttpMethod method, string path, string? access) => Client.AskAsync(method, path, access);

    private protected async Task<Answer> AdminAsync(HttpMethod method, string path, object? body = null, string? ifMatch = null)
    {
        using var request = new HttpRequestMessage(method, "/api/admin" + path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Administrator);
        if (ifMatch is not null) request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        if (body is not null) request.Content = new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        using var response = await Client.SendAsync(request, Cancellation);
        return new Answer((int)response.StatusCode, response.Headers, response.Content.Headers.ContentType?.MediaType, await response.Content.ReadAsStringAsync(Cancellation));
    }

    private protected sealed record Session(string Access, string Refresh, string Sid)
    {
        public static Session Of(Answer answer)
        {
            var (access, refresh) = (answer.Tokens.Access, answer.Tokens.Refresh);
            using var claims = JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(access.Split('.')[1]));
            return new Session(access, refresh, claims.RootElement.GetProperty("sid").GetString()!);
        }
    }
}
