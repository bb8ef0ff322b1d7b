using System.Globalization;
using System.Text;
using System.Text.Json;
using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>Asks gateways on connections of its own, and counts what is no answer.</summary>
internal sealed class Asker(Tally tally, Excuses excuses) : IDisposable
{
    private static readonly TimeSpan NoAnswerAfter = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromSeconds(5);

    private readonly Dictionary<ServiceProcess, HttpClient> _clients = [];

    public Task<Answer?> HelloAsync(ServiceProcess gateway, string access) => AskAsync(gateway, HttpMethod.Get, "/hello/", access, body: null);

    public Task<Answer?> SignInAsync(ServiceProcess gateway, string user) =>
        AskAsync(gateway, HttpMethod.Post, "/api/token/", access: null, new { username = user, password = $"{user}-password-1" });

    public Task<Answer?> RefreshAsync(ServiceProcess gateway, string refresh) =>
        AskAsync(gateway, HttpMethod.Post, "/api/token/refresh/", access: null, new { refresh });

    public Task<Answer?> BlacklistAsync(ServiceProcess gateway, string refresh) =>
        AskAsync(gateway, HttpMethod.Post, "/api/token/blacklist/", access: null, new { refresh });

    public Task<Answer?> LogOutAsync(ServiceProcess gateway, string access) => AskAsync(gateway, HttpMethod.Post, "/api/logout", access, body: null);

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (var client in _clients.Values) client.Dispose();
    }

    /// <summary>The answer if it decides something; null for "try again", and for what the fault excuses.</summary>
    private async Task<Answer?> AskAsync(ServiceProcess gateway, HttpMethod method, string path, string? access, object? body)
    {
        tally.CountRequest();
        try
        {
            var answer = await SendAsync(gateway, method, path, access, body);
            if (answer.Status < 500) return answer;
            if (answer.Status == 503 && answer.Headers.RetryAfter?.Delta <= LongestRetryAfter) tally.CountNotNow();
            else if (!(excuses.AuthServiceGone && answer.Status is 502 or 504 && path.StartsWith("/api/", StringComparison.Ordinal)))
                tally.Add(WrongAnswer.Failed, string.Create(CultureInfo.InvariantCulture, $"{method} {path} at {gateway.Name}: {answer}"));
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            if (!excuses.Gone.Contains(gateway)) tally.Add(WrongAnswer.Failed, $"{method} {path} at {gateway.Name}: {e.Message} {e.InnerException?.Message}");
        }

        return null;
    }

    private async Task<Answer> SendAsync(ServiceProcess gateway, HttpMethod method, string path, string? access, object? body)
    {
        if (!_clients.TryGetValue(gateway, out var client))
        {
            client = _clients[gateway] = Stack.NewClient(gateway.Address);
            client.Timeout = NoAnswerAfter;
        }

        using var request = new HttpRequestMessage(method, path);
        if (body is not null) request.Content = new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        if (access is not null) request.Headers.Authorization = new("Bearer", access);
        // Not the test's token: what was sent when the test ends is waited for.
        using var response = await client.SendAsync(request, CancellationToken.None);
        return new Answer((int)response.StatusCode, response.Headers, response.Content.Headers.ContentType?.MediaType, await response.Content.ReadAsStringAsync(CancellationToken.None));
    }
}
