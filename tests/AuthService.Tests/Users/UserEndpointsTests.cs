using System.Text;

namespace AuthService.Tests.Users;

public abstract class UserEndpointsTests(Databases databases, string kind)
{
    [Fact]
    public async Task Registered_user_signs_in_and_sees_himself()
    {
        await using var service = await StartAsync();
        var (status, body) = await service.SendAsync(HttpMethod.Post, "/api/users", new { username = "Jürgen", password = " blanks kept ", email = "j@example.com" });
        Assert.Equal(201, status);
        Assert.Equal("Jürgen", body.GetProperty("username").GetString());

        var (access, _) = await service.SignInAsync("jürgen", " blanks kept ");
        (status, body) = await service.SendAsync(HttpMethod.Get, "/api/users/me", bearer: access);
        Assert.Equal(200, status);
        Assert.Equal(("Jürgen", "j@example.com", "user"),
            (body.GetProperty("username").GetString(), body.GetProperty("email").GetString(), Assert.Single(body.GetProperty("roles").EnumerateArray()).GetString()));
        Assert.False(body.TryGetProperty("password_hash", out _));
    }

    [Theory]
    [InlineData("""{"username":"x","password":"short"}""", 400, "password")]
    [InlineData("""{"username":"has space","password":"long-enough"}""", 400, "username")]
    [InlineData("""{"username":"x","password":"long-enough","email":"a@x@corp.com"}""", 400, "email")]
    [InlineData("""{"username":"x","password":"long-enough","email":""}""", 400, "email")]
    [InlineData("""{"username":"x"}""", 400, "password")]
    [InlineData("""{"username":null,"password":"long-enough"}""", 400, "username")]
    [InlineData("""{"username":7,"password":"long-enough"}""", 400, "username")]
    [InlineData("""{"username":"\ud800","password":"long-enough"}""", 400, "username")]
    [InlineData("""{"username":"x\u0000","password":"long-enough"}""", 400, "username")]
    [InlineData("""{"\ud800":1,"username":"x","password":"long-enough"}""", 400, null)]
    [InlineData("""{"username":"a","username":"b","password":"long-enough"}""", 400, null)]
    [InlineData("""["username"]""", 400, null)]
    [InlineData("{", 400, null)]
    [InlineData("", 400, null)]
    [InlineData("""{"username":"ALICE","password":"long-enough"}""", 409, null)]
    public async Task Registration_that_cannot_be_is_refused_with_the_reasons(string json, int expected, string? member)
    {
        var service = await SharedAsync();
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var answer = await service.Http.PostAsync(new Uri("/api/users", UriKind.Relative), content, TestContext.Current.CancellationToken);
        Assert.Equal(expected, (int)answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var body = System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
        if (member is not null) Assert.Equal(member, Assert.Single(body.GetProperty("errors").EnumerateObject()).Name);
    }

    [Fact]
    public async Task Registrations_of_one_name_at_once_make_one_user()
    {
        await using var service = await StartAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(i =>
            service.SendAsync(HttpMethod.Post, "/api/users", new { username = i % 2 == 0 ? "racer" : "RACER", password = $"long-enough-{i}" })));
        Assert.Equal([201, .. Enumerable.Repeat(409, 11)], answers.Select(answer => answer.Status).Order());
    }

    [Fact]
    public async Task Registration_that_is_closed_is_refused()
    {
        await using var service = await StartAsync("--AuthService:RegistrationEnabled=false");
        var (status, body) = await service.SendAsync(HttpMethod.Post, "/api/users", new { username = "x", password = "long-enough" });
        Assert.Equal((403, "registration_disabled"), (status, body.GetProperty("code").GetString()));
    }

    [Fact]
    public async Task Password_change_ends_every_other_session_and_not_this_one()
    {
        await using var service = await StartAsync();
        var here = await service.SignInAsync("alice", "alice-password-1");
        var there = await service.SignInAsync("alice", "alice-password-1");
        var bob = await service.SignInAsync("bob", "bob-password-1");

        var (status, body) = await service.SendAsync(
            HttpMethod.Post, "/api/users/me/password", new { current_password = "alice-password-1", new_password = "a new password" }, here.Access);
        Assert.Equal(200, status);
        Assert.Equal(1, body.GetProperty("revoked").GetInt32());

        Assert.Equal(200, (await service.SendAsync(HttpMethod.Get, "/api/users/me", bearer: here.Access)).Status);
        Assert.Equal(401, (await service.SendAsync(HttpMethod.Get, "/api/users/me", bearer: there.Access)).Status);
        Assert.Equal(200, (await service.SendAsync(HttpMethod.Get, "/api/users/me", bearer: bob.Access)).Status);
        Assert.Equal(401, await service.RefreshAsync(there.Refresh));
        Assert.Equal(200, await service.RefreshAsync(here.Refresh));

        Assert.Equal(401, (await service.SendAsync(HttpMethod.Post, "/api/token/", new { username = "alice", password = "alice-password-1" })).Status);
        // A new sign-in within the skew does not fall under the cut-off.
        var again = await service.SignInAsync("alice", "a new password");
        Assert.Equal(200, (await service.SendAsync(HttpMethod.Get, "/api/users/me", bearer: again.Access)).Status);
    }

    [Fact]
    public async Task Password_changes_at_once_succeed_once()
    {
        await using var service = await StartAsync();
        var sessions = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => service.SignInAsync("bob", "bob-password-1")));
        var answers = await Task.WhenAll(sessions.Select((session, i) => service.SendAsync(
            HttpMethod.Post, "/api/users/me/password", new { current_password = "bob-password-1", new_password = $"new-password-{i}" }, session.Access)));
        Assert.Single(answers, answer => answer.Status == 200);
        Assert.All(answers, answer => Assert.Contains(answer.Status, new[] { 200, 400, 401 }));
    }

    [Theory]
    [InlineData("wrong", "long-enough", "current_password")]
    [InlineData("alice-password-1", "short", "new_password")]
    [InlineData("alice-password-1", "alice", "new_password")]
    public async Task Password_change_that_cannot_be_changes_nothing(string current, string next, string member)
    {
        var service = await SharedAsync();
        var (access, refresh) = await service.SignInAsync("alice", "alice-password-1");
        var (status, body) = await service.SendAsync(HttpMethod.Post, "/api/users/me/password", new { current_password = current, new_password = next }, access);
        Assert.Equal(400, status);
        Assert.Equal(member, Assert.Single(body.GetProperty("errors").EnumerateObject()).Name);
        Assert.Equal(200, await service.RefreshAsync(refresh));
    }

    [Fact]
    public async Task Paths_of_the_user_need_a_token_and_others_name_their_methods()
    {
        var service = await SharedAsync();
        Assert.Equal(401, (await service.SendAsync(HttpMethod.Get, "/api/users/me")).Status);
        Assert.Equal(401, (await service.SendAsync(HttpMethod.Get, "/api/users/me", bearer: "nonsense")).Status);
        Assert.Equal(401, (await service.SendAsync(HttpMethod.Post, "/api/users/me/password", new { })).Status);
        Assert.Equal(405, (await service.SendAsync(HttpMethod.Get, "/api/users")).Status);
        using var text = new StringContent("x");
        using var answer = await service.Http.PostAsync(new Uri("/api/users", UriKind.Relative), text, TestContext.Current.CancellationToken);
        Assert.Equal(415, (int)answer.StatusCode);
    }

    [Fact]
    public async Task Metadata_name_the_issuer_and_the_keys()
    {
        var service = await SharedAsync();
        foreach (var path in new[] { "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server" })
        {
            var (status, body) = await service.SendAsync(HttpMethod.Get, path);
            Assert.Equal((200, Replica.Issuer, Replica.Issuer + "/.well-known/jwks.json"),
                (status, body.GetProperty("issuer").GetString(), body.GetProperty("jwks_uri").GetString()));
        }
    }

    private Task<RunningService> SharedAsync() => databases.SharedServiceAsync(kind);

    private async Task<RunningService> StartAsync(params string[] settings) =>
        await RunningService.StartAsync(await databases.CreateAsync(kind), [$"--AuthService:KeyEncryptionKeys:0={KeyEncryption.KeyEncryptionKeyRing.NewKey()}", .. settings]);
}

public sealed class UserEndpointsOnSqliteTests(Databases databases) : UserEndpointsTests(databases, Databases.Sqlite);

public sealed class UserEndpointsOnPostgreSqlTests(Databases databases) : UserEndpointsTests(databases, Databases.PostgreSql);
