using System.Text.Json;
using Testing;

namespace EndToEnd.Tests.Administration;

/// <summary>
/// Every verb of the command line and every endpoint of the administration, on one running system: what each says, what
/// then stands, what the gateway answers, and what the audit log has. The recorded traffic is held against the OpenAPI
/// document.
/// </summary>
public sealed class TranscriptTests : AdministeredSystem
{
    [Fact]
    public async Task Every_verb_and_every_endpoint_does_what_it_says_at_the_gateway_and_in_the_audit_log()
    {
        Func<Task>[] chapters =
        [
            CommandsOfUsersAsync, CommandsOfRolesAndClaimsAsync, CommandsOfClientsAsync, CommandsOfSessionsAsync, CommandsThatAreWrongAsync, EndpointsOfUsersAsync,
            EndpointsOfRolesAsync, EndpointsOfClientsAsync, EndpointsOfSessionsAsync, OwnAccountAsync, SecondFactorAsync, TokensOfClientsAsync, RefusalsAsync,
            // Last: whoever is signed in with a withdrawn key is not any more.
            CommandsAndEndpointsOfKeysAsync,
        ];
        foreach (var chapter in chapters)
        {
            // On a busy machine all of it takes longer than a token lives.
            Administrator = (await SignInAsync("admin", "admin-password-1")).Access;
            await chapter();
        }
        await TrafficIsAsDescribedAsync();
    }

    private async Task CommandsOfUsersAsync()
    {
        var made = await RunJsonAsync(["users", "create", "carol", "--role", "user", "--email", "c@example.com", "--name", "Carol", "--password-stdin"], Password + "\n");
        var id = made.GetProperty("id").GetString()!;
        Assert.Equal(["user.created"], await AuditAsync(id, "user."));
        Assert.Equal(1, (await RunJsonAsync(["users", "list", "--username", "car"])).GetProperty("items").GetArrayLength());
        Assert.Equal("Carol", (await RunJsonAsync(["users", "show", "carol"])).GetProperty("name").GetString());
        var session = await SignInAsync("carol", Password);
        Assert.Equal(200, await HelloAsync(session.Access));

        InForce(await RunJsonAsync(["users", "roles", "carol", "--add", "admin"]));
        Assert.Equal((401, "token_revoked"), await ReasonAsync(session.Access));
        session = await RefreshAsync(session);
        Assert.Equal(200, (await AskAsync(HttpMethod.Get, "/api/admin/keys", session.Access)).Status);
        InForce(await RunJsonAsync(["users", "roles", "carol", "--remove", "admin"]));
        Assert.Equal("user.roles_changed", (await AuditAsync(id, "user."))[^1]);

        session = await RefreshAsync(session);
        InForce(await RunJsonAsync(["users", "password", id, "--password-stdin"], "another long password\n"));
        Assert.Equal((401, 401), (await HelloAsync(session.Access), (await Client.RefreshAsync(session.Refresh)).Status));
        session = await SignInAsync("carol", "another long password");

        InForce(await RunJsonAsync(["users", "disable", "carol"]));
        Assert.Equal((401, 401), (await HelloAsync(session.Access), (await Client.RefreshAsync(session.Refresh)).Status));
        Assert.Equal(401, (await Client.PostAsync("/api/token/", new { username = "carol", password = "another long password" })).Status);
        await RunJsonAsync(["users", "enable", "carol"]);
        session = await SignInAsync("carol", "another long password");
        await RunJsonAsync(["users", "second-factor-reset", "carol"]);

        InForce(await RunJsonAsync(["users", "delete", "carol"]));
        Assert.Equal((401, 401), (await HelloAsync(session.Access), (await Client.RefreshAsync(session.Refresh)).Status));
        Assert.Equal(404, (await AdminAsync(HttpMethod.Get, $"/users/{id}")).Status);
        Assert.Equal(
            ["user.created", "user.roles_changed", "user.roles_changed", "user.password_reset", "user.disabled", "user.enabled", "user.deleted"], await AuditAsync(id, "user."));
        var events = (await RunJsonAsync(["audit", "list", "--subject", id, "--actor", "command-line", "--limit", "200"])).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(7, events.Count);
        var table = await RunAsync(["audit", "list", "--type", "user.deleted"]);
        Assert.Contains(id, table, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", table, StringComparison.Ordinal);
    }

    private async Task CommandsOfRolesAndClaimsAsync()
    {
        await RunJsonAsync(["roles", "create", "auditor", "--add", "level=1"]);
        Assert.Contains((await RunJsonAsync(["roles", "list"])).GetProperty("items").EnumerateArray(), role => role.GetProperty("name").GetString() == "auditor");
        var bob = await SignInAsync("bob", "bob-password-1");
        await RunJsonAsync(["users", "roles", "bob", "--add", "auditor"]);
        Assert.Equal(401, await HelloAsync(bob.Access));

        bob = await RefreshAsync(bob);
        InForce(await RunJsonAsync(["roles", "claims", "auditor", "--add", "level=2", "--remove", "none"]));
        Assert.Equal(401, await HelloAsync(bob.Access));
        bob = await RefreshAsync(bob);
        InForce(await RunJsonAsync(["users", "claims", "bob", "--add", "department=sales", "--add", "department=support"]));
        Assert.Equal(401, await HelloAsync(bob.Access));
        var shown = await RunJsonAsync(["users", "claims", "bob"]);
        Assert.Equal("""["sales","support"]""", JsonSerializer.Serialize(shown.GetProperty("claims").GetProperty("department")));
        await RunJsonAsync(["users", "claims", "bob", "--remove", "department"]);
        bob = await RefreshAsync(bob);
        InForce(await RunJsonAsync(["roles", "delete", "auditor"]));
        Assert.Equal(401, await HelloAsync(bob.Access));
        Assert.Equal(["role.created", "role.claims_changed", "role.deleted"], await AuditAsync("auditor"));
    }

    private async Task CommandsOfClientsAsync()
    {
        var made = await RunJsonAsync(["clients", "create", "billing", "--name", "Billing", "--grant", "client_credentials", "--scope", "orders.read", "--claim", "department"]);
        var secret = made.GetProperty("client_secret").GetString()!;
        var token = await ServiceTokenAsync("billing", secret);
        Assert.Equal(200, (await AskAsync(HttpMethod.Get, "/orders", token)).Status);
        Assert.False((await RunJsonAsync(["clients", "show", "billing"])).TryGetProperty("client_secret", out _));
        Assert.Contains((await RunJsonAsync(["clients", "list"])).GetProperty("items").EnumerateArray(), client => client.GetProperty("client_id").GetString() == "billing");

        InForce(await RunJsonAsync(["clients", "disable", "billing"]));
        Assert.Equal((401, "token_revoked"), await ReasonAsync(token, "/orders"));
        Assert.Null(await ServiceTokenAsync("billing", secret));
        await RunJsonAsync(["clients", "enable", "billing"]);
        Assert.Equal(200, (await AskAsync(HttpMethod.Get, "/orders", await ServiceTokenAsync("billing", secret))).Status);

        var other = (await RunJsonAsync(["clients", "secret", "billing"])).GetProperty("client_secret").GetString()!;
        Assert.Null(await ServiceTokenAsync("billing", secret));
        token = await ServiceTokenAsync("billing", other);
        InForce(await RunJsonAsync(["clients", "delete", "billing"]));
        Assert.Equal(401, (await AskAsync(HttpMethod.Get, "/orders", token)).Status);
        Assert.Equal(["client.created", "client.disabled", "client.enabled", "client.secret_changed", "client.deleted"], await AuditAsync("billing", "client."));
    }

    private async Task CommandsOfSessionsAsync()
    {
        var (first, second) = (await SignInAsync("alice", "alice-password-1"), await SignInAsync("alice", "alice-password-1"));
        var listed = (await RunJsonAsync(["sessions", "list", "--user", "alice", "--client", "api"])).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(2, listed.Count);
        InForce(await RunJsonAsync(["sessions", "revoke", first.Sid]));
        Assert.Equal((401, 401, 200), (await HelloAsync(first.Access), (await Client.RefreshAsync(first.Refresh)).Status, await HelloAsync(second.Access)));
        InForce(await RunJsonAsync(["sessions", "revoke", "--user", "alice"]));
        Assert.Equal((401, 401), (await HelloAsync(second.Access), (await Client.RefreshAsync(second.Refresh)).Status));
        var types = await AuditAsync(listed[0].GetProperty("user_id").GetString()!);
        Assert.Contains("session.ended", types);
        Assert.Contains("user.sessions_ended", types);
    }

    private async Task CommandsThatAreWrongAsync()
    {
        (string[] Arguments, int Code)[] wrong =
        [
            (["users"], 2), (["users", "create"], 2), (["users", "disable", "alice", "--force"], 2), (["users", "list", "--limit", "0"], 2), (["sessions", "revoke"], 2),
            (["audit", "list", "--from", "yesterday"], 2), (["users", "disable", "nobody"], 1), (["users", "disable", "admin"], 1), (["clients", "delete", "api"], 1),
            (["keys", "withdraw", "no-such-key"], 1),
        ];
        var results = await Task.WhenAll(wrong.Select(command => CommandAsync(command.Arguments, "", Cancellation)));
        foreach (var (result, (arguments, code)) in results.Zip(wrong))
            Assert.True(result.ExitCode == code && result.Errors.StartsWith("auth-service: ", StringComparison.Ordinal), $"{string.Join(' ', arguments)}: {result}");
        var short_ = await CommandAsync(["users", "create", "dave", "--password-stdin"], "short\n", Cancellation);
        Assert.Equal(2, short_.ExitCode);
        var help = await RunAsync(["--help"]);
        foreach (var name in new[] { "users", "roles", "clients", "sessions", "keys", "audit" }) Assert.Contains(name, help, StringComparison.Ordinal);
        Assert.Contains("--password-stdin", await RunAsync(["users", "create", "--help"]), StringComparison.Ordinal);
    }

    private async Task EndpointsOfUsersAsync()
    {
        var made = await AdminAsync(HttpMethod.Post, "/users", new { username = "erin", password = Password, roles = new[] { "user" }, claims = new { department = "sales" } });
        Assert.Equal(201, made.Status);
        var path = "/users/" + made.Json.GetProperty("id").GetString();
        var session = await SignInAsync("erin", Password);
        Assert.Equal(1, (await AdminAsync(HttpMethod.Get, "/users?username=erin")).Json.GetProperty("items").GetArrayLength());
        var etag = (await AdminAsync(HttpMethod.Get, path)).Headers.ETag!.ToString();
        var changed = await AdminAsync(HttpMethod.Patch, path, new { disabled = true }, etag);
        InForce(changed.Json);
        Assert.Equal((401, "token_revoked"), await ReasonAsync(session.Access));
        Assert.Equal(412, (await AdminAsync(HttpMethod.Patch, path, new { disabled = false }, etag)).Status);
        Assert.Equal(200, (await AdminAsync(HttpMethod.Patch, path, new { disabled = false })).Status);
        InForce((await AdminAsync(HttpMethod.Post, path + "/password", new { password = "yet another password" })).Json);
        session = await SignInAsync("erin", "yet another password");
        InForce((await AdminAsync(HttpMethod.Delete, path)).Json);
        Assert.Equal((401, "token_revoked"), await ReasonAsync(session.Access));
        Assert.Equal(["user.created", "user.disabled", "user.enabled", "user.password_reset", "user.deleted"], await AuditAsync(made.Json.GetProperty("id").GetString()!, "user."));
    }

    private async Task EndpointsOfRolesAsync()
    {
        Assert.Equal(201, (await AdminAsync(HttpMethod.Post, "/roles", new { name = "clerk", claims = new { desk = "1" } })).Status);
        Assert.Equal(200, (await AdminAsync(HttpMethod.Get, "/roles")).Status);
        Assert.Equal(200, (await AdminAsync(HttpMethod.Get, "/roles/clerk")).Status);
        Assert.Equal(200, (await AdminAsync(HttpMethod.Patch, "/roles/clerk", new { claims = new { desk = new[] { "1", "2" } } })).Status);
        Assert.Equal(200, (await AdminAsync(HttpMethod.Delete, "/roles/clerk")).Status);
        Assert.Equal(["role.created", "role.claims_changed", "role.deleted"], await AuditAsync("clerk"));
    }

    private async Task EndpointsOfClientsAsync()
    {
        var made = await AdminAsync(HttpMethod.Post, "/clients", new { client_id = "shipping", client_name = "Shipping", grant_types = new[] { "client_credentials" }, scope = "orders.read" });
        Assert.Equal(201, made.Status);
        var token = await ServiceTokenAsync("shipping", made.Json.GetProperty("client_secret").GetString()!);
        Assert.Equal(200, (await AdminAsync(HttpMethod.Get, "/clients")).Status);
        Assert.Equal(200, (await AdminAsync(HttpMethod.Get, "/clients/shipping")).Status);
        InForce((await AdminAsync(HttpMethod.Patch, "/clients/shipping", new { disabled = true })).Json);
        Assert.Equal((401, "token_revoked"), await ReasonAsync(token, "/orders"));
        Assert.Equal(200, (await AdminAsync(HttpMethod.Patch, "/clients/shipping", new { disabled = false })).Status);
        Assert.Equal(200, (await AdminAsync(HttpMethod.Post, "/clients/shipping/secret")).Status);
        InForce((await AdminAsync(HttpMethod.Delete, "/clients/shipping")).Json);
        Assert.Equal(["client.created", "client.disabled", "client.enabled", "client.secret_changed", "client.deleted"], await AuditAsync("shipping", "client."));
    }

    private async Task EndpointsOfSessionsAsync()
    {
        var (first, second) = (await SignInAsync("alice", "alice-password-1"), await SignInAsync("alice", "alice-password-1"));
        var user = (await AskAsync(HttpMethod.Get, "/api/users/me", first.Access)).Json.GetProperty("id").GetString();
        Assert.Equal(2, (await AdminAsync(HttpMethod.Get, $"/sessions?user_id={user}&client_id=api")).Json.GetProperty("items").GetArrayLength());
        InForce((await AdminAsync(HttpMethod.Delete, $"/sessions/{first.Sid}")).Json);
        Assert.Equal((401, 200), (await HelloAsync(first.Access), await HelloAsync(second.Access)));
        InForce((await AdminAsync(HttpMethod.Delete, $"/sessions?user_id={user}")).Json);
        Assert.Equal(401, await HelloAsync(second.Access));
        Assert.Equal(200, (await AdminAsync(HttpMethod.Get, $"/audit?subject={user}&type=session.ended")).Status);
    }

    /// <summary>The other operations of the document, so that each is held against it.</summary>
    private async Task OwnAccountAsync()
    {
        Assert.Equal(201, (await Client.PostAsync("/api/users", new { username = "frank", password = Password })).Status);
        var session = await RefreshAsync(await SignInAsync("frank", Password));
        Assert.Equal(200, (await Client.VerifyAsync(session.Access)).Status);
        Assert.Equal(200, (await AskAsync(HttpMethod.Get, "/api/users/me", session.Access)).Status);
        Assert.Equal(200, (await AskAsync(HttpMethod.Get, "/api/sessions", session.Access)).Status);
        Assert.Equal(200, (await Client.PostAsync("/api/users/me/password", new { current_password = Password, new_password = "frank has another" }, session.Access)).Status);
        Assert.Equal(404, (await AskAsync(HttpMethod.Delete, $"/api/sessions/{new string('0', 32)}", session.Access)).Status);
        var other = await SignInAsync("frank", "frank has another");
        Assert.Equal(200, (await AskAsync(HttpMethod.Delete, $"/api/sessions/{other.Sid}", session.Access)).Status);
        Assert.Equal(200, (await AskAsync(HttpMethod.Delete, "/api/sessions?except=current", session.Access)).Status);
        Assert.Equal(200, (await Client.LogoutAsync(session.Access)).Status);
        other = await SignInAsync("frank", "frank has another");
        Assert.Equal(200, (await Client.PostAsync("/api/token/blacklist/", new { refresh = other.Refresh })).Status);
        foreach (var path in new[] { "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json" })
            Assert.Equal(200, (await AskAsync(HttpMethod.Get, path, access: null)).Status);
    }

    private async Task SecondFactorAsync()
    {
        var (id, path) = (await UserAsync("grace"), "/api/users/me/second-factor");
        var session = await SignInAsync("grace", Password);
        var secret = Base32((await PostAsync(path, new { password = Password }, session.Access, 200)).Json.GetProperty("secret").GetString()!);
        await PostAsync(path + "/confirm", new { code = "000000x" }, session.Access, 400);
        var codes = (await PostAsync(path + "/confirm", new { code = Totp(secret) }, session.Access, 200)).Json.GetProperty("recovery_codes").EnumerateArray().Select(code => code.GetString()!).ToList();
        Assert.True((await AskAsync(HttpMethod.Get, path, session.Access)).Json.GetProperty("enabled").GetBoolean());

        var first = await Client.PostAsync("/api/token/", new { username = "grace", password = Password });
        Assert.Equal((401, "mfa_required"), (first.Status, first.Code));
        var second = await Client.PostAsync("/api/token/mfa", new { ticket = first.Json.GetProperty("ticket").GetString(), code = codes[0] });
        Assert.Equal(200, second.Status);
        var others = await PostAsync(path + "/recovery-codes", new { password = Password, code = codes[1] }, session.Access, 200);
        await PostAsync(path + "/disable", new { password = Password, code = others.Json.GetProperty("recovery_codes")[0].GetString() }, session.Access, 204);

        // A code of a step that was used is not good again, not even with another secret.
        secret = Base32((await PostAsync(path, new { password = Password }, session.Access, 200)).Json.GetProperty("secret").GetString()!);
        await PostAsync(path + "/confirm", new { code = Totp(secret, stepsAhead: 1) }, session.Access, 200);
        Assert.False((await RunJsonAsync(["users", "second-factor-reset", "grace"])).GetProperty("second_factor").GetBoolean());
        await SignInAsync("grace", Password);
        Assert.Contains("second_factor.reset", await AuditAsync(id));
    }

    private async Task TokensOfClientsAsync()
    {
        var made = await AdminAsync(HttpMethod.Post, "/clients", new { client_id = "native", client_name = "Native", grant_types = new[] { "password", "refresh_token" }, scope = "openid profile" });
        Assert.True(made.Status == 201, made.ToString());
        var secret = made.Json.GetProperty("client_secret").GetString()!;
        var granted = await FormAsync("/connect/token", ("grant_type", "password"), ("username", "alice"), ("password", "alice-password-1"), ("scope", "openid profile"), ("client_id", "native"), ("client_secret", secret));
        Assert.True(granted.Status == 200, granted.ToString());
        var access = granted.Json.GetProperty("access_token").GetString()!;
        Assert.Equal("alice", (await AskAsync(HttpMethod.Get, "/connect/userinfo", access)).Json.GetProperty("preferred_username").GetString());
        Assert.Equal(200, (await AskAsync(HttpMethod.Post, "/connect/userinfo", access)).Status);
        Assert.True((await FormAsync("/connect/introspect", ("token", access), ("client_id", "introspector"), ("client_secret", "introspector-secret-1"))).Json.GetProperty("active").GetBoolean());
        Assert.Equal(200, (await FormAsync("/connect/revocation", ("token", access), ("client_id", "native"), ("client_secret", secret))).Status);
        Assert.Equal((401, "token_revoked"), await ReasonAsync(access));
        // An administrator who uses somebody else's application does not administer with it.
        granted = await FormAsync("/connect/token", ("grant_type", "password"), ("username", "admin"), ("password", "admin-password-1"), ("client_id", "native"), ("client_secret", secret));
        Assert.Equal(403, (await AskAsync(HttpMethod.Get, "/api/admin/users", granted.Json.GetProperty("access_token").GetString())).Status);
    }

    private async Task RefusalsAsync()
    {
        var alice = await SignInAsync("alice", "alice-password-1");
        foreach (var path in new[] { "/users", "/roles", "/clients", "/sessions", "/keys", "/audit" })
        {
            Assert.Equal(401, (await AskAsync(HttpMethod.Get, "/api/admin" + path, access: null)).Status);
            Assert.Equal(403, (await AskAsync(HttpMethod.Get, "/api/admin" + path, alice.Access)).Status);
        }
        Assert.Equal(400, (await AdminAsync(HttpMethod.Get, "/users?limit=0")).Status);
        Assert.Equal(400, (await AdminAsync(HttpMethod.Post, "/users", new { user = "x" })).Status);
        Assert.Equal(409, (await AdminAsync(HttpMethod.Post, "/users", new { username = "ALICE", password = Password })).Status);
        Assert.Equal(404, (await AdminAsync(HttpMethod.Delete, $"/sessions/{new string('0', 32)}")).Status);
        Assert.Equal(400, (await Client.PostAsync("/api/token/", new { username = "alice" })).Status);
        Assert.Equal(401, (await Client.PostAsync("/api/token/", new { username = "alice", password = "wrong" })).Status);
        Assert.Equal(401, (await Client.RefreshAsync("gwr_x")).Status);
        Assert.Null(await ServiceTokenAsync("orders-service", "wrong"));
    }

    private async Task CommandsAndEndpointsOfKeysAsync()
    {
        var kid = (await RunJsonAsync(["keys", "list"])).GetProperty("items").EnumerateArray().Single(key => key.GetProperty("state").GetString() == "active").GetProperty("kid").GetString()!;
        Assert.Equal("announced", (await RunJsonAsync(["keys", "rotate"])).GetProperty("state").GetString());
        Assert.Equal(200, (await AdminAsync(HttpMethod.Post, "/keys/rotate")).Status);
        var session = await SignInAsync("alice", "alice-password-1");
        InForce(await RunJsonAsync(["keys", "withdraw", kid]));
        Assert.Equal(401, await HelloAsync(session.Access));
        Assert.Contains("signing_key.withdrawn", (await RunJsonAsync(["audit", "list", "--subject", kid])).GetProperty("items").EnumerateArray().Select(audit => audit.GetProperty("type").GetString()));

        // The service learns of the new key within seconds, without a restart.
        await Eventually.TrueAsync(async () => (await ActiveKeyAsync()) is { } active && active != kid, "the service signs with the new key", Cancellation);
        Administrator = (await SignInAsync("admin", "admin-password-1")).Access;
        await Eventually.TrueAsync(async () => await HelloAsync(Administrator) == 200, "the gateway knows the new key", Cancellation);
        Assert.Equal(200, (await AdminAsync(HttpMethod.Get, "/keys")).Status);
        Assert.Equal(200, (await AdminAsync(HttpMethod.Post, $"/keys/{kid}/withdraw")).Status);
        Assert.Equal(404, (await AdminAsync(HttpMethod.Post, "/keys/no-such-key/withdraw")).Status);
    }

    private async Task TrafficIsAsDescribedAsync()
    {
        var answer = await AskAsync(HttpMethod.Get, "/openapi/v1.json", access: null);
        Assert.Equal(200, answer.Status);
        var contract = new ApiContract(answer.Json);
        var exchanges = Exchanges.Where(exchange => exchange.Path is not ("/hello/" or "/orders" or "/openapi/v1.json")).ToList();

        Assert.True(exchanges.Count > 100, $"Only {exchanges.Count} exchanges were looked at.");
        Assert.Equal("", string.Join(Environment.NewLine, exchanges.Select(contract.Fault).Where(fault => fault is not null).Distinct()));
        var seen = exchanges.Where(exchange => exchange.Status < 300).Select(contract.OperationOf).ToHashSet();
        Assert.Equal("", string.Join(", ", contract.Operations.Where(operation => !seen.Contains(operation))));
    }
}
