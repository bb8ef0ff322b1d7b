using System.Text.Json;

namespace AuthService.Tests.Administration;

public abstract class ClientAdministrationTests(AdminWorld world)
{
    [Fact]
    public async Task Created_client_has_its_secret_once_and_gets_tokens_with_it()
    {
        var id = world.NewName("client");
        var made = await world.PostAsync("/clients", new { client_id = id, client_name = "Billing", grant_types = new[] { "client_credentials" }, scope = "orders.read orders.write" });
        Assert.Equal(201, made.Status);
        Assert.Equal(0, made.Body.GetProperty("client_secret_expires_at").GetInt32());

        var shown = await world.GetAsync($"/clients/{id}");

        Assert.Equal((200, made.ETag, "client_secret_basic"), (shown.Status, shown.ETag, shown.Text("token_endpoint_auth_method")));
        Assert.False(shown.Body.TryGetProperty("client_secret", out _));
        Assert.DoesNotContain(made.Text("client_secret"), shown.Body.GetRawText(), StringComparison.Ordinal);
        Assert.Equal("orders.read orders.write", (await TokenAsync(id, made.Text("client_secret"))).GetProperty("scope").GetString());
        Assert.Equal((409, "client_exists"), (await world.PostAsync("/clients", new { client_id = id, client_name = "x" })) is var again ? (again.Status, again.Code) : default);
        Assert.StartsWith("c_", (await world.PostAsync("/clients", new { client_name = "Named by the service" })).Text("client_id"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_secret_replaces_the_first()
    {
        var (id, secret) = await ServiceAsync();

        var rotated = await world.PostAsync($"/clients/{id}/secret");

        Assert.Equal(200, rotated.Status);
        Assert.Equal("invalid_client", (await TokenAsync(id, secret)).GetProperty("error").GetString());
        Assert.True((await TokenAsync(id, rotated.Text("client_secret"))).TryGetProperty("access_token", out _));
        Assert.Equal(409, (await world.PostAsync("/clients/demo-spa/secret")).Status);
    }

    [Fact]
    public async Task Disabled_client_has_no_token_that_lives_and_gets_none()
    {
        var (id, secret) = await ServiceAsync();
        var token = (await TokenAsync(id, secret)).GetProperty("access_token").GetString()!;
        Assert.Equal(200, await VerifyAsync(token));

        var answer = await world.PatchAsync($"/clients/{id}", new { disabled = true }, (await world.GetAsync($"/clients/{id}")).ETag);

        Assert.Equal((200, (2, 0, 0, true)), (answer.Status, UserAdministrationTests.Receipt(answer)));
        Assert.Equal(401, await VerifyAsync(token));
        Assert.Equal("invalid_client", (await TokenAsync(id, secret)).GetProperty("error").GetString());
        Assert.Equal(0, (await world.PatchAsync($"/clients/{id}", new { disabled = false })).Body.GetProperty("revoked").GetInt32());
        Assert.Equal(200, await VerifyAsync((await TokenAsync(id, secret)).GetProperty("access_token").GetString()!));
        Assert.Equal(["client.created", "client.disabled", "client.enabled"], await world.AuditAsync(id));
    }

    [Fact]
    public async Task Scope_that_is_taken_away_is_gone_from_tokens_and_one_that_is_added_ends_none()
    {
        var (id, secret) = await ServiceAsync();
        var token = (await TokenAsync(id, secret)).GetProperty("access_token").GetString()!;

        Assert.Equal(0, (await world.PatchAsync($"/clients/{id}", new { scope = "orders.read orders.write" })).Body.GetProperty("revoked").GetInt32());
        Assert.Equal(200, await VerifyAsync(token));
        Assert.Equal(2, (await world.PatchAsync($"/clients/{id}", new { scope = "orders.write" })).Body.GetProperty("revoked").GetInt32());

        Assert.Equal(401, await VerifyAsync(token));
    }

    [Fact]
    public async Task Deleted_client_is_gone_and_its_id_stays_taken()
    {
        var (id, secret) = await ServiceAsync();
        var token = (await TokenAsync(id, secret)).GetProperty("access_token").GetString()!;

        Assert.Equal(200, (await world.DeleteAsync($"/clients/{id}")).Status);

        Assert.Equal(401, await VerifyAsync(token));
        Assert.Equal("invalid_client", (await TokenAsync(id, secret)).GetProperty("error").GetString());
        Assert.Equal(404, (await world.GetAsync($"/clients/{id}")).Status);
        Assert.Equal(404, (await world.PatchAsync($"/clients/{id}", new { disabled = false })).Status);
        Assert.Equal(409, (await world.PostAsync("/clients", new { client_id = id, client_name = "again" })).Status);
        Assert.Equal(409, (await world.DeleteAsync("/clients/api")).Status);
        Assert.DoesNotContain((await world.GetAsync("/clients?limit=200")).Body.GetProperty("items").EnumerateArray(), client => client.GetProperty("client_id").GetString() == id);
    }

    [Fact]
    public async Task Answer_to_get_sent_back_changes_nothing_and_a_stale_state_is_refused()
    {
        var id = world.NewName("client");
        await world.PostAsync("/clients", new
        {
            client_id = id,
            client_name = "Web",
            client_uri = "https://web.example.com/",
            token_endpoint_auth_method = "private_key_jwt",
            grant_types = new[] { "authorization_code", "refresh_token" },
            redirect_uris = new[] { "https://web.example.com/callback" },
            post_logout_redirect_uris = new[] { "https://web.example.com/" },
            scope = "openid profile",
            claim_rules = new object[] { "department", new { claim = "team", @as = "squad" } },
            jwks = new { keys = new[] { Key } },
            refresh_token_lifetime = 3600,
            session_lifetime = 7200,
        });
        var shown = await world.GetAsync($"/clients/{id}");
        var audit = await world.AuditAsync(id);

        var same = await world.PatchAsync($"/clients/{id}", shown.Body.GetRawText(), shown.ETag);

        Assert.True(same.Status == 200 && same.ETag == shown.ETag && same.Body.GetProperty("revoked").GetInt32() == 0, same.ToString());
        Assert.Equal(audit, await world.AuditAsync(id));
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => world.PatchAsync($"/clients/{id}", new { client_name = $"Web {i}" }, shown.ETag)));
        Assert.Equal([200, .. Enumerable.Repeat(412, 7)], answers.Select(answer => answer.Status).Order());
    }

    [Theory]
    [InlineData("""{"client_nmae":"x"}""", "client_nmae")]
    [InlineData("""{"client_name":null}""", "client_name")]
    [InlineData("""{"client_name":" "}""", "client_name")]
    [InlineData("""{"client_id":"other"}""", "client_id")]
    [InlineData("""{"client_secret":"mine"}""", "client_secret")]
    [InlineData("""{"client_uri":"javascript:alert(1)"}""", "client_uri")]
    [InlineData("""{"token_endpoint_auth_method":"client_secret_jwt"}""", "token_endpoint_auth_method")]
    [InlineData("""{"token_endpoint_auth_method":"none"}""", "grant_types")]
    [InlineData("""{"token_endpoint_auth_method":"private_key_jwt"}""", "jwks")]
    [InlineData("""{"grant_types":["implicit"]}""", "grant_types")]
    [InlineData("""{"grant_types":["refresh_token"]}""", "grant_types")]
    [InlineData("""{"grant_types":["authorization_code"]}""", "redirect_uris")]
    [InlineData("""{"redirect_uris":["https://a.example.com/cb"]}""", "redirect_uris")]
    [InlineData("""{"grant_types":["authorization_code"],"redirect_uris":["http://a.example.com/cb"]}""", "redirect_uris")]
    [InlineData("""{"grant_types":["authorization_code"],"redirect_uris":["http://localhost/cb"]}""", "redirect_uris")]
    [InlineData("""{"grant_types":["authorization_code"],"redirect_uris":["https://a.example.com/cb#x"]}""", "redirect_uris")]
    [InlineData("""{"grant_types":["authorization_code"],"redirect_uris":["/cb"]}""", "redirect_uris")]
    [InlineData("""{"grant_types":["authorization_code"],"redirect_uris":["javascript:alert(1)"]}""", "redirect_uris")]
    [InlineData("""{"post_logout_redirect_uris":["https://a b/"]}""", "post_logout_redirect_uris")]
    [InlineData("""{"scope":"a\"b"}""", "scope")]
    [InlineData("""{"scope":["a"]}""", "scope")]
    [InlineData("""{"claim_rules":["sub"]}""", "claim_rules")]
    [InlineData("""{"claim_rules":[7]}""", "claim_rules")]
    [InlineData("""{"claim_rules":["\ud800"]}""", "claim_rules")]
    [InlineData("""{"client_id_issued_at":1e99999999999}""", "client_id_issued_at")]
    [InlineData("""{"first_party":1}""", "first_party")]
    [InlineData("""{"exchange_audiences":["gateway"]}""", "grant_types")]
    [InlineData("""{"refresh_token_lifetime":59}""", "refresh_token_lifetime")]
    [InlineData("""{"refresh_token_lifetime":1.5}""", "refresh_token_lifetime")]
    [InlineData("""{"session_lifetime":99999999999}""", "session_lifetime")]
    [InlineData("""{"refresh_token_lifetime":7200,"session_lifetime":3600}""", "session_lifetime")]
    public async Task Change_that_cannot_be_is_refused_by_name(string body, string member)
    {
        var (id, _) = await ServiceAsync();
        var etag = (await world.GetAsync($"/clients/{id}")).ETag;
        var answer = await world.PatchAsync($"/clients/{id}", body);
        Assert.Equal((400, "application/problem+json", "request_invalid"), (answer.Status, answer.MediaType, answer.Code));
        Assert.Equal(member, Assert.Single(answer.Body.GetProperty("errors").EnumerateObject()).Name);
        Assert.Equal(etag, (await world.GetAsync($"/clients/{id}")).ETag);
    }

    [Theory]
    [InlineData("""{"keys":[]}""")]
    [InlineData("""{"keys":[{"kty":"\ud800"}]}""")]
    [InlineData("""{"keys":[{"kty":"oct","k":"AAAA"}]}""")]
    [InlineData("""{"keys":[{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}]}""")]
    [InlineData("""{"keys":[{"kty":"EC","crv":"P-192","x":"AAAA","y":"AAAA"}]}""")]
    [InlineData("""{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}""")]
    [InlineData("""{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}""")]
    [InlineData("""{"keys":[{"kty":"EC","crv":"P-256","use":"enc","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}""")]
    [InlineData("""{}""")]
    public async Task Keys_that_are_no_public_keys_are_refused(string jwks)
    {
        var answer = await world.PostAsync("/clients", $$"""{"client_name":"K","token_endpoint_auth_method":"private_key_jwt","jwks":{{jwks}}}""");
        Assert.Equal(400, answer.Status);
        Assert.Equal("jwks", Assert.Single(answer.Body.GetProperty("errors").EnumerateObject()).Name);
        Assert.DoesNotContain("jpsQ", answer.Body.GetRawText(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("7d444840-9dc0-11d1-b245-5ffdce74fad2")]
    public async Task Id_that_could_be_mistaken_is_refused(string id)
    {
        var answer = await world.PostAsync("/clients", new { client_id = id, client_name = "x" });
        Assert.Equal((400, "client_id"), (answer.Status, Assert.Single(answer.Body.GetProperty("errors").EnumerateObject()).Name));
    }

    /// <summary>RFC 7515 appendix A.3, the public half.</summary>
    private static object Key => new { kty = "EC", crv = "P-256", kid = "1", x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" };

    private async Task<(string Id, string Secret)> ServiceAsync()
    {
        var made = await world.PostAsync("/clients", new { client_id = world.NewName("client"), client_name = "Service", grant_types = new[] { "client_credentials" }, scope = "orders.read" });
        return (made.Text("client_id"), made.Text("client_secret"));
    }

    private async Task<JsonElement> TokenAsync(string id, string secret)
    {
        using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["grant_type"] = "client_credentials", ["client_id"] = id, ["client_secret"] = secret });
        using var answer = await world.Service.Http.PostAsync(new Uri("/connect/token", UriKind.Relative), form, TestContext.Current.CancellationToken);
        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).RootElement;
    }

    private async Task<int> VerifyAsync(string token) => (await world.Service.SendAsync(HttpMethod.Post, "/api/token/verify/", new { token })).Status;
}

public sealed class ClientAdministrationOnSqliteTests(AdminWorldOnSqlite world) : ClientAdministrationTests(world), IClassFixture<AdminWorldOnSqlite>;

public sealed class ClientAdministrationOnPostgreSqlTests(AdminWorldOnPostgreSql world) : ClientAdministrationTests(world), IClassFixture<AdminWorldOnPostgreSql>;
