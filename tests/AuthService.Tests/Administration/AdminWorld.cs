using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using AuthService.Tests.Users;
using AuthService.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace AuthService.Tests.Administration;

/// <summary>An answer of the administration, read to its end.</summary>
internal sealed record AdminAnswer(int Status, string? ETag, string? MediaType, JsonElement Body)
{
    public string? Code => Body.GetProperty("code").GetString();

    public string Text(string member) => Body.GetProperty(member).GetString()!;

    public override string ToString() => $"{Status} {(Body.ValueKind == JsonValueKind.Undefined ? "" : Body.GetRawText())}";
}

/// <summary>A running service on one kind of database, and its administrator's requests.</summary>
public abstract class AdminWorld(Databases databases, string kind) : IAsyncLifetime
{
    private RunningService _service = null!;
    private int _names;

    internal RunningService Service => _service;

    /// <summary>An access token of the seeded administrator.</summary>
    internal string Administrator { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        _service = await RunningService.StartAsync(await databases.CreateAsync(kind), $"--AuthService:KeyEncryptionKeys:0={KeyEncryptionKeyRing.NewKey()}");
        await SignInAdministratorAsync();
    }

    /// <summary>Tokens of before may have been revoked by what a test did to the administrator.</summary>
    internal async Task SignInAdministratorAsync() => Administrator = (await _service.SignInAsync("admin", "admin-password-1")).Access;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        if (_service is not null) await _service.DisposeAsync();
    }

    /// <summary>A name that no other test uses.</summary>
    internal string NewName(string stem) => $"{stem}-{Interlocked.Increment(ref _names)}-{Guid.NewGuid():N}"[..24];

    internal Task<AdminAnswer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    internal Task<AdminAnswer> PostAsync(string path, object? body = null) => SendAsync(HttpMethod.Post, path, body);

    internal Task<AdminAnswer> PatchAsync(string path, object body, string? ifMatch = null) => SendAsync(HttpMethod.Patch, path, body, ifMatch);

    internal Task<AdminAnswer> DeleteAsync(string path, string? ifMatch = null) => SendAsync(HttpMethod.Delete, path, null, ifMatch);

    /// <param name="body">A text is sent as it is, anything else as JSON.</param>
    internal async Task<AdminAnswer> SendAsync(HttpMethod method, string path, object? body = null, string? ifMatch = null, string? bearer = null)
    {
        using var request = new HttpRequestMessage(method, "/api/admin" + path);
        if (body is not null) request.Content = new StringContent(body as string ?? JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        if (ifMatch is not null) request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        if (bearer != "") request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer ?? Administrator);
        using var answer = await _service.Http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return new AdminAnswer(
            (int)answer.StatusCode, answer.Headers.ETag?.ToString(), answer.Content.Headers.ContentType?.MediaType,
            text.Length == 0 ? default : JsonDocument.Parse(text).RootElement);
    }

    /// <summary>Makes a user whose password is the name and <c>-password</c>.</summary>
    internal async Task<(string Id, string Name)> UserAsync(params string[] roles)
    {
        var name = NewName("user");
        var answer = await PostAsync("/users", new { username = name, password = name + "-password", roles = roles.Length == 0 ? ["user"] : roles });
        Assert.True(answer.Status == 201, answer.ToString());
        return (answer.Text("id"), name);
    }

    internal Task<(string Access, string Refresh)> SignInAsync(string name) => _service.SignInAsync(name, name + "-password");

    /// <summary>The status of a request with that token.</summary>
    internal async Task<int> UseAsync(string access) => (await _service.SendAsync(HttpMethod.Get, "/api/users/me", bearer: access)).Status;

    internal async Task<T> InDatabaseAsync<T>(Func<UsersDbContext, Task<T>> read)
    {
        await using var database = await _service.Services.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContextAsync(TestContext.Current.CancellationToken);
        return await read(database);
    }

    /// <summary>The types of the audit events about somebody or something, in their order.</summary>
    internal Task<List<string>> AuditAsync(string subject) => InDatabaseAsync(database => database.AuditEvents
        .Where(audit => audit.Subject == subject).OrderBy(audit => audit.Id).Select(audit => audit.Type).ToListAsync(TestContext.Current.CancellationToken));

    internal Task<int> RevocationsAsync(string id) => InDatabaseAsync(database => database.Revocations.CountAsync(row => row.Id == id, TestContext.Current.CancellationToken));
}

public sealed class AdminWorldOnSqlite(Databases databases) : AdminWorld(databases, Databases.Sqlite);

public sealed class AdminWorldOnPostgreSql(Databases databases) : AdminWorld(databases, Databases.PostgreSql);
