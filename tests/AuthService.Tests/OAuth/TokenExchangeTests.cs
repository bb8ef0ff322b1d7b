using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using AuthService.Users;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Testing;

namespace AuthService.Tests.OAuth;

[Collection(OAuthCollection.Name)]
public sealed class TokenExchangeTests(OAuthWorld world)
{
    private const string Orders = "orders-service:orders-secret-1";
    private const string Backend = "sample-backend:sample-backend-secret-1";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Access_token_is_exchanged_for_one_that_acts_for_the_user()
    {
        var alice = await world.Service.SignInAsync();

        var answer = await world.ExchangeAsync(Backend, alice.Access);

        Assert.Equal(200, answer.Status);
        Assert.Equal(OAuthWorld.AccessTokenType, answer.Json.GetProperty("issued_token_type").GetString());
        Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
        foreach (var same in new[] { "sub", "sid", "auth_time", "name", "iss", "aud" })
            Assert.Equal(alice.Claims.GetProperty(same).ToString(), answer.Claim(same));
        Assert.Equal(("sample-backend", "profile", "access"), (answer.Claim("client_id"), answer.Claim("scope"), answer.Claim("token_type")));
        Assert.Equal("""{"sub":"sample-backend"}""", answer.Claim("act"));
        Assert.True(answer.Claims.GetProperty("exp").GetInt64() <= alice.Claims.GetProperty("exp").GetInt64());
        Assert.Equal(200, await world.Service.VerifyStatusAsync(answer.Token));
    }

    [Fact]
    public async Task Identity_token_is_exchanged_and_its_end_is_kept()
    {
        var admin = await world.Service.SignInAsync("admin");
        var identity = world.IdentityToken(admin.Access);

        var answer = await world.ExchangeAsync(Backend, identity, OAuthWorld.JwtType, ("audience", "gateway"), ("requested_token_type", OAuthWorld.AccessTokenType));

        Assert.Equal(admin.Sid, answer.Claim("sid"));
        Assert.Equal("""["admin","user"]""", answer.Claim("roles"));
        Assert.Equal(Claims(identity).GetProperty("exp").GetInt64(), answer.Claims.GetProperty("exp").GetInt64());
        Assert.InRange(answer.Json.GetProperty("expires_in").GetInt64(), 1, 60);
    }

    [Fact]
    public async Task Chain_names_every_service_and_ends_at_five()
    {
        var alice = await world.Service.SignInAsync();
        var token = (await world.ExchangeAsync(Orders, alice.Access)).Token;
        var second = await world.ExchangeAsync(Backend, world.IdentityToken(token), OAuthWorld.JwtType);
        Assert.Equal("""{"sub":"sample-backend","act":{"sub":"orders-service"}}""", second.Claim("act"));
        Assert.Equal(alice.Claims.GetProperty("sub").GetString(), second.Claim("sub"));

        token = second.Token;
        for (var depth = 3; depth <= 5; depth++) token = (await world.ExchangeAsync(Orders, token)).Token;
        var sixth = await world.ExchangeAsync(Orders, token);

        Assert.Equal((400, "invalid_grant"), (sixth.Status, sixth.Error));
    }

    [Fact]
    public async Task Service_token_is_passed_on_without_becoming_a_users()
    {
        var service = await world.AskAsync(Orders, ("grant_type", "client_credentials"));

        var answer = await world.ExchangeAsync(Backend, service.Token);

        Assert.Equal(("orders-service", "sample-backend", "orders.read"), (answer.Claim("sub"), answer.Claim("client_id"), answer.Claim("scope")));
        foreach (var absent in new[] { "sid", "auth_time", "roles", "name" }) Assert.Null(answer.Claim(absent));
    }

    [Fact]
    public async Task Scope_is_what_both_have_and_never_more_than_was_asked_for()
    {
        var identity = world.IdentityToken((await world.Service.SignInAsync()).Access, payload: claims => claims["scope"] = "orders.read profile admin");

        Assert.Equal("profile orders.read", (await world.ExchangeAsync(Backend, identity, OAuthWorld.JwtType)).Claim("scope"));
        Assert.Equal("orders.read", (await world.ExchangeAsync(Backend, identity, OAuthWorld.JwtType, ("scope", "orders.read"))).Claim("scope"));
        Assert.Null((await world.ExchangeAsync(Orders, (await world.Service.SignInAsync()).Access, OAuthWorld.AccessTokenType, ("scope", "orders.read"))).Claim("scope"));
        Assert.Equal("invalid_scope", (await world.ExchangeAsync(Backend, identity, OAuthWorld.JwtType, ("scope", "admin"))).Error);
    }

    [Fact]
    public async Task Roles_are_read_afresh_and_never_grow()
    {
        var user = await AddUserAsync("user");
        var before = await SignInAsync(user);
        await SetRolesAsync(user, "user", "admin");
        var grown = await world.ExchangeAsync(Backend, before);
        var admin = await SignInAsync(user);
        await SetRolesAsync(user, "user");
        var shrunk = await world.ExchangeAsync(Backend, admin);

        Assert.Equal(("""["user"]""", """["user"]"""), (grown.Claim("roles"), shrunk.Claim("roles")));
    }

    [Theory]
    [InlineData("orders")]
    [InlineData("http://issuer.test")]
    public async Task Audience_that_the_client_may_not_ask_for_is_an_invalid_target(string audience)
    {
        var answer = await world.ExchangeAsync(Backend, (await world.Service.SignInAsync()).Access, more: ("audience", audience));

        Assert.Equal((400, "invalid_target"), (answer.Status, answer.Error));
    }

    [Fact]
    public async Task Several_targets_are_an_invalid_target()
    {
        var access = (await world.Service.SignInAsync()).Access;

        Assert.Equal("invalid_target", (await world.ExchangeAsync(Backend, access, more: [("audience", "gateway"), ("audience", "gateway")])).Error);
        Assert.Equal("invalid_target", (await world.ExchangeAsync(Backend, access, more: ("resource", "https://orders.test"))).Error);
    }

    [Fact]
    public async Task Parameters_that_are_missing_or_make_no_sense_are_an_invalid_request()
    {
        var access = (await world.Service.SignInAsync()).Access;

        Assert.Equal("invalid_request", (await world.AskAsync(Backend, ("grant_type", OAuthWorld.Exchange), ("subject_token", access))).Error);
        Assert.Equal("invalid_request", (await world.AskAsync(Backend, ("grant_type", OAuthWorld.Exchange), ("subject_token_type", OAuthWorld.AccessTokenType))).Error);
        Assert.Equal("invalid_request", (await world.ExchangeAsync(Backend, access, "urn:ietf:params:oauth:token-type:id_token")).Error);
        Assert.Equal("invalid_request", (await world.ExchangeAsync(Backend, access, more: ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"))).Error);
        Assert.Equal("invalid_request", (await world.ExchangeAsync(Backend, access, more: ("actor_token", access))).Error);
        Assert.Equal("invalid_request", (await world.ExchangeAsync(Backend, access, more: ("actor_token_type", OAuthWorld.AccessTokenType))).Error);
        Assert.Equal("invalid_request", (await world.ExchangeAsync(Backend, access, more: [("actor_token", access), ("actor_token_type", OAuthWorld.AccessTokenType)])).Error);
    }

    [Fact]
    public async Task Actor_token_must_be_the_clients_own()
    {
        var access = (await world.Service.SignInAsync()).Access;
        var own = (await world.AskAsync(Orders, ("grant_type", "client_credentials"))).Token;
        (string, string)[] actor = [("actor_token", own), ("actor_token_type", OAuthWorld.AccessTokenType)];

        Assert.Equal("""{"sub":"orders-service"}""", (await world.ExchangeAsync(Orders, access, more: actor)).Claim("act"));
        Assert.Equal("invalid_request", (await world.ExchangeAsync(Backend, access, more: actor)).Error);
    }

    [Fact]
    public async Task Token_that_proves_nothing_is_an_invalid_request()
    {
        var access = (await world.Service.SignInAsync()).Access;
        using var stranger = SigningKey.Create(kid: "gateway-1");
        using var rsa = SigningKey.Create("RS256", kid: "gateway-1");
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        string[] identityTokens =
        [
            "nonsense",
            access,
            world.IdentityToken(access, key: stranger),
            world.IdentityToken(access, key: world.GatewayKey.As("gateway-2")),
            world.IdentityToken(access, key: rsa, header: head => head["alg"] = "RS256"),
            world.IdentityToken(access, header: head => head["alg"] = "none"),
            world.IdentityToken(access, header: head => head["alg"] = "HS256"),
            world.IdentityToken(access, header: head => head["typ"] = "at+jwt"),
            world.IdentityToken(access, header: head => head.Remove("typ")),
            world.IdentityToken(access, header: head => head.Remove("kid")),
            world.IdentityToken(access, payload: claims => claims["iss"] = "http://other.test"),
            world.IdentityToken(access, payload: claims => claims["exp"] = now - 10),
            world.IdentityToken(access, payload: claims => claims.Remove("exp")),
            world.IdentityToken(access)[..^4] + "AAAA",
        ];
        foreach (var token in identityTokens)
        {
            // 503 while the gateway, asked for its keys just now, cannot be asked for an unknown one.
            var outcome = (Status: 503, Error: (string?)null);
            await Eventually.TrueAsync(
                async () => (outcome = Outcome(await world.ExchangeAsync(Backend, token, OAuthWorld.JwtType))).Status != 503,
                "the token is judged",
                TestContext.Current.CancellationToken);
            Assert.Equal((400, "invalid_request"), outcome);
        }

        Assert.Equal((400, "invalid_request"), Outcome(await world.ExchangeAsync(Backend, world.IdentityToken(access))));
        Assert.Equal((400, "invalid_request"), Outcome(await world.ExchangeAsync(Backend, access[..^4] + "AAAA")));
        Assert.Equal((400, "invalid_request"), Outcome(await world.ExchangeAsync(Backend, (await world.Service.SignInAsync()).Refresh)));
    }

    [Fact]
    public async Task Identity_token_for_another_service_is_an_invalid_grant()
    {
        var access = (await world.Service.SignInAsync()).Access;

        Assert.Equal((400, "invalid_grant"), Outcome(await world.ExchangeAsync(Backend, world.IdentityToken(access, "other-backend"), OAuthWorld.JwtType)));
        Assert.Equal((400, "invalid_grant"), Outcome(await world.ExchangeAsync(Orders, world.IdentityToken(access), OAuthWorld.JwtType)));
    }

    [Fact]
    public async Task Subject_of_another_issuer_is_an_invalid_grant()
    {
        var identity = world.IdentityToken((await world.Service.SignInAsync()).Access, payload: claims => claims["sub"] = "partner:" + claims["sub"]);
        Assert.Equal((400, "invalid_grant"), Outcome(await world.ExchangeAsync(Backend, identity, OAuthWorld.JwtType)));
    }

    [Fact]
    public async Task Identity_token_that_was_made_from_no_token_of_ours_is_an_invalid_grant_whoever_it_names()
    {
        var service = (await world.AskAsync(Orders, ("grant_type", "client_credentials"))).Token;

        Assert.Equal(200, (await world.ExchangeAsync(Backend, world.IdentityToken(service), OAuthWorld.JwtType)).Status);
        // As an issuer behind the prefix "orders-" could have it.
        var foreign = world.IdentityToken(service, payload: claims => claims.Remove("access_jti"));
        Assert.Equal((400, "invalid_grant"), Outcome(await world.ExchangeAsync(Backend, foreign, OAuthWorld.JwtType)));
    }

    [Fact]
    public async Task Logged_out_session_is_an_invalid_grant_for_every_token_of_it()
    {
        var alice = await world.Service.SignInAsync();
        var derived = (await world.ExchangeAsync(Backend, alice.Access)).Token;
        var identity = world.IdentityToken(alice.Access);
        await world.Service.SendAsync(HttpMethod.Post, "/api/logout", alice.Access);

        Assert.Equal((400, "invalid_grant"), Outcome(await world.ExchangeAsync(Backend, alice.Access)));
        Assert.Equal((400, "invalid_grant"), Outcome(await world.ExchangeAsync(Backend, identity, OAuthWorld.JwtType)));
        Assert.Equal((400, "invalid_grant"), Outcome(await world.ExchangeAsync(Orders, derived)));
        Assert.Equal(401, await world.Service.VerifyStatusAsync(derived));
    }

    [Fact]
    public async Task Session_that_only_the_database_knows_to_be_over_is_an_invalid_grant()
    {
        var user = await AddUserAsync("user");
        var epoch = await SignInAsync(user);
        await world.Service.InDatabaseAsync(database => database.Users.Where(u => u.UserName == user).ExecuteUpdateAsync(set => set.SetProperty(u => u.SessionEpoch, u => u.SessionEpoch + 1), Cancellation));
        var ended = await SignInAsync(user);
        await world.Service.InDatabaseAsync(database =>
        {
            database.Add(new EndedSession { Sid = Claims(ended).GetProperty("sid").GetString()!, Sub = "x", ClientId = "api", Reason = "logged_out", ExpiresMs = long.MaxValue });
            return Task.CompletedTask;
        });

        Assert.Equal((400, "invalid_grant"), Outcome(await world.ExchangeAsync(Backend, epoch)));
        Assert.Equal((400, "invalid_grant"), Outcome(await world.ExchangeAsync(Backend, ended)));
    }

    [Fact]
    public async Task Disabled_user_is_an_invalid_grant()
    {
        var user = await AddUserAsync("user");
        var access = await SignInAsync(user);
        await world.Service.InDatabaseAsync(database => database.Users.Where(u => u.UserName == user).ExecuteUpdateAsync(set => set.SetProperty(u => u.Disabled, true), Cancellation));

        Assert.Equal((400, "invalid_grant"), Outcome(await world.ExchangeAsync(Backend, access)));
    }

    [Fact]
    public async Task Actor_that_was_disabled_or_cut_off_since_is_an_invalid_grant()
    {
        foreach (var disabled in new[] { true, false })
        {
            var actor = $"actor-{Guid.NewGuid():N}";
            await AddActorAsync(actor);
            var token = (await world.ExchangeAsync($"{actor}:secret", (await world.Service.SignInAsync()).Access)).Token;
            var deeper = (await world.ExchangeAsync(Orders, token)).Token;
            var cutOff = disabled ? 0 : TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() + 1000;
            await world.Service.InDatabaseAsync(database => database.Clients.Where(client => client.ClientId == actor)
                .ExecuteUpdateAsync(set => set.SetProperty(client => client.Disabled, disabled).SetProperty(client => client.NotBeforeMs, cutOff), Cancellation));

            Assert.Equal((400, "invalid_grant"), Outcome(await world.ExchangeAsync(Backend, token)));
            Assert.Equal((400, "invalid_grant"), Outcome(await world.ExchangeAsync(Backend, deeper)));
        }
    }

    [Fact]
    public async Task Public_client_and_one_without_the_grant_are_unauthorized()
    {
        var access = (await world.Service.SignInAsync()).Access;

        Assert.Equal("unauthorized_client", (await world.ExchangeAsync("introspector:introspector-secret-1", access)).Error);
        Assert.Equal("unauthorized_client", (await world.AskAsync(null, ("grant_type", OAuthWorld.Exchange), ("client_id", "demo-spa"), ("subject_token", access), ("subject_token_type", OAuthWorld.AccessTokenType))).Error);
    }

    private static (int, string?) Outcome(TokenAnswer answer) => (answer.Status, answer.Error);

    private static JsonElement Claims(string token)
    {
        using var document = JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[1]));
        return document.RootElement.Clone();
    }

    private async Task<string> SignInAsync(string user)
    {
        using var response = await world.Service.PostAsync("/api/token/", new { username = user, password = "a-long-password-1" });
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(Cancellation))!["access"]!.GetValue<string>();
    }

    private async Task<string> AddUserAsync(params string[] roles)
    {
        var name = $"user-{Guid.NewGuid():N}";
        using var response = await world.Service.PostAsync("/api/users", new { username = name, password = "a-long-password-1" });
        Assert.Equal(201, (int)response.StatusCode);
        await SetRolesAsync(name, roles);
        return name;
    }

    private Task SetRolesAsync(string user, params string[] roles) => world.Service.InDatabaseAsync(async database =>
    {
        var id = await database.Users.Where(u => u.UserName == user).Select(u => u.Id).SingleAsync(Cancellation);
        await database.UserRoles.Where(row => row.UserId == id).ExecuteDeleteAsync(Cancellation);
        foreach (var role in await database.Roles.Where(role => roles.Contains(role.Name)).Select(role => role.Id).ToListAsync(Cancellation))
            database.Add(new IdentityUserRole<Guid> { UserId = id, RoleId = role });
    });

    private Task AddActorAsync(string id) => world.Service.InDatabaseAsync(database =>
    {
        database.Add(new Client
        {
            ClientId = id,
            Name = id,
            SecretHash = ClientSecret.Hash("secret"),
            TokenEndpointAuthMethod = "client_secret_basic",
            GrantTypes = [OAuthWorld.Exchange],
            Scopes = ["profile"],
            ExchangeAudiences = ["gateway"],
        });
        return Task.CompletedTask;
    });
}
