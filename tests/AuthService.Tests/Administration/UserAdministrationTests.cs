using System.Text.Json;

namespace AuthService.Tests.Administration;

public abstract class UserAdministrationTests(AdminWorld world)
{
    [Fact]
    public async Task Created_user_is_shown_and_signs_in()
    {
        var name = world.NewName("user");
        var made = await world.PostAsync("/users", new { username = name, password = name + "-password", name = "Jürgen", email = "j@example.com", roles = new[] { "user", "admin" } });
        Assert.Equal(201, made.Status);
        var id = made.Text("id");

        var shown = await world.GetAsync($"/users/{id}");

        Assert.Equal((200, made.ETag), (shown.Status, shown.ETag));
        Assert.Equal(
            ["id", "username", "name", "email", "roles", "claims", "disabled", "second_factor", "created_at"], shown.Body.EnumerateObject().Select(member => member.Name));
        Assert.Equal((name, "Jürgen", "j@example.com"), (shown.Text("username"), shown.Text("name"), shown.Text("email")));
        Assert.Equal(["admin", "user"], shown.Body.GetProperty("roles").EnumerateArray().Select(role => role.GetString()));
        var (access, _) = await world.SignInAsync(name);
        Assert.Equal(200, (await world.SendAsync(HttpMethod.Get, "/users", bearer: access)).Status);
        Assert.Equal(409, (await world.PostAsync("/users", new { username = name.ToUpperInvariant(), password = "another password" })).Status);
        Assert.Equal(["user.created"], (await world.AuditAsync(id)).Where(type => type.StartsWith("user.", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Answer_to_get_sent_back_changes_nothing()
    {
        var (id, name) = await world.UserAsync();
        await world.PatchAsync($"/users/{id}", new { email = "x@example.com", claims = new { department = "sales" } });
        var (access, _) = await world.SignInAsync(name);
        var shown = await world.GetAsync($"/users/{id}");
        var (audit, revocations) = (await world.AuditAsync(id), await world.RevocationsAsync(id));

        var answer = await world.PatchAsync($"/users/{id}", shown.Body.GetRawText(), shown.ETag);

        Assert.Equal((200, shown.ETag, 0), (answer.Status, answer.ETag, answer.Body.GetProperty("revoked").GetInt32()));
        Assert.Equal(shown.Body.GetRawText(), (await world.GetAsync($"/users/{id}")).Body.GetRawText());
        Assert.Equal(200, await world.UseAsync(access));
        Assert.Equal(audit, await world.AuditAsync(id));
        Assert.Equal(revocations, await world.RevocationsAsync(id));
    }

    [Fact]
    public async Task Of_changes_of_one_state_at_once_one_is_made()
    {
        var (id, _) = await world.UserAsync();
        var etag = (await world.GetAsync($"/users/{id}")).ETag;

        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(i => i % 3 == 0
            ? world.PatchAsync($"/users/{id}", new { roles = new[] { "user", "admin" } }, etag)
            : world.PatchAsync($"/users/{id}", new { email = $"e{i}@example.com" }, etag)));

        Assert.Single(answers, answer => answer.Status == 200);
        Assert.All(answers, answer => Assert.True(answer.Status == 200 || answer is { Status: 412, Code: "etag_stale" }, answer.ToString()));
        Assert.Equal(412, (await world.DeleteAsync($"/users/{id}", etag)).Status);
        Assert.Equal(412, (await world.DeleteAsync($"/users/{id}", "W/" + (await world.GetAsync($"/users/{id}")).ETag)).Status);
        Assert.Equal(400, (await world.DeleteAsync($"/users/{id}", "no-quotes")).Status);
    }

    [Fact]
    public async Task Changes_without_a_state_are_all_made()
    {
        var (id, _) = await world.UserAsync();

        var answers = await Task.WhenAll(
            world.PatchAsync($"/users/{id}", new { email = "e@example.com" }), world.PatchAsync($"/users/{id}", new { name = "N" }), world.PatchAsync($"/users/{id}", new { roles = new[] { "admin" } }));

        Assert.All(answers, answer => Assert.True(answer.Status == 200, answer.ToString()));
        var shown = await world.GetAsync($"/users/{id}");
        Assert.Equal(("e@example.com", "N", "[\"admin\"]"), (shown.Text("email"), shown.Text("name"), shown.Body.GetProperty("roles").GetRawText()));
    }

    [Fact]
    public async Task Disabled_user_is_out_at_once_and_back_when_enabled()
    {
        var (id, name) = await world.UserAsync();
        var session = await world.SignInAsync(name);

        var answer = await world.PatchAsync($"/users/{id}", new { disabled = true }, (await world.GetAsync($"/users/{id}")).ETag);

        Assert.Equal(200, answer.Status);
        Assert.True(answer.Body.GetProperty("disabled").GetBoolean());
        Assert.Equal((1, 0, 0, true), Receipt(answer));
        Assert.Equal(401, await world.UseAsync(session.Access));
        Assert.Equal(401, await world.Service.RefreshAsync(session.Refresh));
        Assert.Equal(401, (await world.Service.SendAsync(HttpMethod.Post, "/api/token/", new { username = name, password = name + "-password" })).Status);
        Assert.Equal(200, (await world.PatchAsync($"/users/{id}", new { disabled = false })).Status);
        Assert.Equal(401, await world.Service.RefreshAsync(session.Refresh));
        Assert.Equal(200, await world.UseAsync((await world.SignInAsync(name)).Access));
        Assert.Equal(["user.disabled", "user.enabled"], (await world.AuditAsync(id)).Where(type => type is "user.disabled" or "user.enabled"));
    }

    [Fact]
    public async Task Other_roles_end_access_tokens_and_the_session_goes_on_with_them()
    {
        var (id, name) = await world.UserAsync();
        var session = await world.SignInAsync(name);

        var answer = await world.PatchAsync($"/users/{id}", new { roles = new[] { "admin", "user", "user" } });

        Assert.Equal((200, (1, 0, 0, true)), (answer.Status, Receipt(answer)));
        Assert.Equal(401, await world.UseAsync(session.Access));
        var (status, refreshed) = await world.Service.SendAsync(HttpMethod.Post, "/api/token/refresh/", new { refresh = session.Refresh });
        Assert.Equal(200, status);
        Assert.Equal(200, (await world.SendAsync(HttpMethod.Get, "/users", bearer: refreshed.GetProperty("access").GetString())).Status);
        Assert.Equal(400, (await world.PatchAsync($"/users/{id}", new { roles = new[] { "no-such-role" } })).Status);
    }

    [Fact]
    public async Task New_password_ends_every_session_and_is_the_only_one()
    {
        var (id, name) = await world.UserAsync();
        var session = await world.SignInAsync(name);

        var answer = await world.PostAsync($"/users/{id}/password", new { password = "entirely another" });

        Assert.Equal((200, (1, 0, 0, true)), (answer.Status, Receipt(answer)));
        Assert.Equal((401, 401), (await world.UseAsync(session.Access), await world.Service.RefreshAsync(session.Refresh)));
        Assert.Equal(401, (await world.Service.SendAsync(HttpMethod.Post, "/api/token/", new { username = name, password = name + "-password" })).Status);
        Assert.Equal(200, await world.UseAsync((await world.Service.SignInAsync(name, "entirely another")).Access));
        Assert.Equal(400, (await world.PostAsync($"/users/{id}/password", new { password = "short" })).Status);
    }

    [Fact]
    public async Task Deleted_user_is_gone_with_everything()
    {
        var (id, name) = await world.UserAsync();
        var session = await world.SignInAsync(name);

        var answer = await world.DeleteAsync($"/users/{id}");

        Assert.Equal((200, (1, 0, 0, true)), (answer.Status, Receipt(answer)));
        Assert.Equal((401, 401), (await world.UseAsync(session.Access), await world.Service.RefreshAsync(session.Refresh)));
        Assert.Equal((404, "not_found"), ((await world.GetAsync($"/users/{id}")).Status, (await world.DeleteAsync($"/users/{id}")).Code));
        Assert.Contains("user.deleted", await world.AuditAsync(id));
        Assert.Equal(201, (await world.PostAsync("/users", new { username = name, password = "another password" })).Status);
    }

    [Fact]
    public async Task List_is_filtered_and_its_pages_hold_each_user_once()
    {
        var stem = world.NewName("page");
        for (var i = 0; i < 5; i++) await world.PostAsync("/users", new { username = $"{stem}-{i}", password = "a long password", disabled = i == 3 });

        var names = new List<string>();
        for (var next = ""; next is not null;)
        {
            var page = await world.GetAsync($"/users?limit=2&username={stem.ToUpperInvariant()}{next}");
            Assert.Equal(200, page.Status);
            names.AddRange(page.Body.GetProperty("items").EnumerateArray().Select(user => user.GetProperty("username").GetString()!));
            next = page.Body.GetProperty("next_cursor").GetString() is { } cursor ? "&cursor=" + cursor : null;
        }

        Assert.Equal(Enumerable.Range(0, 5).Select(i => $"{stem}-{i}"), names);
        Assert.Equal(1, (await world.GetAsync($"/users?username={stem}&disabled=true")).Body.GetProperty("items").GetArrayLength());
        Assert.Equal(0, (await world.GetAsync($"/users?username={stem}&role=admin")).Body.GetProperty("items").GetArrayLength());
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=201", "limit")]
    [InlineData("limit=x", "limit")]
    [InlineData("cursor=%25", "cursor")]
    [InlineData("cursor=AA", "cursor")]
    [InlineData("rol=admin", "rol")]
    [InlineData("role=a&role=b", "role")]
    [InlineData("disabled=yes", "disabled")]
    [InlineData("username=a%00b", "username")]
    public async Task List_request_that_cannot_be_is_refused_by_name(string query, string name)
    {
        var answer = await world.GetAsync("/users?" + query);
        Assert.Equal((400, "application/problem+json"), (answer.Status, answer.MediaType));
        Assert.Equal(name, Assert.Single(answer.Body.GetProperty("errors").EnumerateObject()).Name);
    }

    [Theory]
    [InlineData("""{"rolse":[]}""", "rolse")]
    [InlineData("""{"username":null}""", "username")]
    [InlineData("""{"username":"a b"}""", "username")]
    [InlineData("""{"username":7}""", "username")]
    [InlineData("""{"username":"\ud800"}""", "username")]
    [InlineData("""{"name":""}""", "name")]
    [InlineData("""{"name":"a\u0000b"}""", "name")]
    [InlineData("""{"email":"a@b@c"}""", "email")]
    [InlineData("""{"roles":"admin"}""", "roles")]
    [InlineData("""{"roles":[1]}""", "roles")]
    [InlineData("""{"roles":null}""", "roles")]
    [InlineData("""{"roles":["a\u0000"]}""", "roles")]
    [InlineData("""{"disabled":"yes"}""", "disabled")]
    [InlineData("""{"disabled":null}""", "disabled")]
    [InlineData("""{"claims":[]}""", "claims")]
    [InlineData("""{"claims":{"team":"\ud800"}}""", "claims")]
    [InlineData("""{"claims":{"team":["\udfff"]}}""", "claims")]
    [InlineData("""{"claims":{"\ud800":1}}""", null)]
    [InlineData("""{"claims":{"level":1e999}}""", "claims")]
    [InlineData("""{"claims":{"level":[1e-99999999999]}}""", "claims")]
    [InlineData("""{"\ud800":1}""", null)]
    [InlineData("""{"created_at":"\ud800"}""", "created_at")]
    [InlineData("""{"second_factor":true}""", "second_factor")]
    [InlineData("""{"id":"00000000-0000-0000-0000-000000000000"}""", "id")]
    [InlineData("""{"created_at":1}""", "created_at")]
    [InlineData("""{"password":"a long password"}""", "password")]
    [InlineData("""[]""", null)]
    [InlineData("""{"email":null,"email":null}""", null)]
    [InlineData("", null)]
    public async Task Change_that_cannot_be_is_refused_by_name(string body, string? member)
    {
        var (id, _) = await world.UserAsync();
        var answer = await world.PatchAsync($"/users/{id}", body);
        Assert.Equal((400, "application/problem+json", member is null ? "request_malformed" : "request_invalid"), (answer.Status, answer.MediaType, answer.Code));
        if (member is not null) Assert.Equal(member, Assert.Single(answer.Body.GetProperty("errors").EnumerateObject()).Name);
    }

    [Fact]
    public async Task Administration_is_for_administrators_through_the_operators_clients()
    {
        var (_, name) = await world.UserAsync();
        var user = await world.SignInAsync(name);
        foreach (var path in (string[])["/users", "/roles", "/clients", "/sessions", "/keys", "/audit"])
        {
            Assert.Equal(401, (await world.SendAsync(HttpMethod.Get, path, bearer: "")).Status);
            var answer = await world.SendAsync(HttpMethod.Get, path, bearer: user.Access);
            Assert.Equal((403, "insufficient_scope"), (answer.Status, answer.Code));
            Assert.Equal(200, (await world.GetAsync(path)).Status);
        }

        // An administrator's token that somebody else's service got in exchange.
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "urn:ietf:params:oauth:grant-type:token-exchange",
            ["client_id"] = "orders-service",
            ["client_secret"] = "orders-secret-1",
            ["subject_token"] = world.Administrator,
            ["subject_token_type"] = "urn:ietf:params:oauth:token-type:access_token",
        });
        using var exchanged = await world.Service.Http.PostAsync(new Uri("/connect/token", UriKind.Relative), form, TestContext.Current.CancellationToken);
        var token = JsonDocument.Parse(await exchanged.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement.GetProperty("access_token").GetString();
        Assert.Equal(403, (await world.SendAsync(HttpMethod.Get, "/users", bearer: token)).Status);
    }

    [Fact]
    public async Task Role_comes_with_claims_and_goes_from_its_users()
    {
        var role = world.NewName("role");
        var made = await world.PostAsync("/roles", new { name = role, claims = new { level = "7" } });
        Assert.Equal(201, made.Status);
        Assert.Equal(409, (await world.PostAsync("/roles", new { name = role })).Status);
        var (id, name) = await world.UserAsync("user", role);
        var session = await world.SignInAsync(name);

        var same = await world.PatchAsync($"/roles/{role}", (await world.GetAsync($"/roles/{role}")).Body.GetRawText(), made.ETag);
        Assert.Equal((200, made.ETag), (same.Status, same.ETag));
        Assert.Equal(200, await world.UseAsync(session.Access));
        var changed = await world.PatchAsync($"/roles/{role}", new { claims = new { level = "8" } }, made.ETag);
        Assert.Equal((200, (1, 0, 0, true)), (changed.Status, Receipt(changed)));
        Assert.Equal(401, await world.UseAsync(session.Access));
        Assert.Equal(412, (await world.PatchAsync($"/roles/{role}", new { claims = new { } }, made.ETag)).Status);

        Assert.Equal((200, (1, 0, 0, true)), ((await world.DeleteAsync($"/roles/{role}", changed.ETag)) is var gone ? gone.Status : 0, Receipt(gone)));
        Assert.Equal("[\"user\"]", (await world.GetAsync($"/users/{id}")).Body.GetProperty("roles").GetRawText());
        Assert.Equal(409, (await world.DeleteAsync("/roles/admin")).Status);
        Assert.Equal(["role.created", "role.claims_changed", "role.deleted"], await world.AuditAsync(role));
    }

    internal static (int Revoked, int Gateways, int Acknowledged, bool Durable) Receipt(AdminAnswer answer) => (
        answer.Body.GetProperty("revoked").GetInt32(), answer.Body.GetProperty("gateways").GetInt32(), answer.Body.GetProperty("acknowledged").GetInt32(),
        answer.Body.GetProperty("durable").GetBoolean());
}

public sealed class UserAdministrationOnSqliteTests(AdminWorldOnSqlite world) : UserAdministrationTests(world), IClassFixture<AdminWorldOnSqlite>;

public sealed class UserAdministrationOnPostgreSqlTests(AdminWorldOnPostgreSql world) : UserAdministrationTests(world), IClassFixture<AdminWorldOnPostgreSql>;
