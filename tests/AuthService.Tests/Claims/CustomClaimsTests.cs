using System.Buffers.Text;
using System.Text.Json;
using AuthService.Claims;
using AuthService.Tests.Users;
using AuthService.Users;
using KeyEncryption;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace AuthService.Tests.Claims;

public sealed class CustomClaimsTests(Databases databases)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Databases.Kinds), MemberType = typeof(Databases))]
    public async Task Tokens_carry_what_the_rules_of_their_client_let_in_from_sign_in_on(string kind)
    {
        await using var service = await RunningService.StartAsync(
            await databases.CreateAsync(kind), $"--AuthService:KeyEncryptionKeys:0={KeyEncryptionKeyRing.NewKey()}");
        await ChangeAsync(service, async database =>
        {
            var alice = await database.Users.SingleAsync(user => user.UserName == "alice", Cancellation);
            var role = await database.Roles.SingleAsync(r => r.Name == Role.User, Cancellation);
            Add(database, alice, "department", "Café \"Ω\" ü");
            Add(database, alice, "tier", "gold");
            Add(database, alice, "group", "b");
            database.Add(new IdentityUserClaim<Guid> { UserId = alice.Id, ClaimType = "level", ClaimValue = "3" });
            Add(database, alice, "secret", "not for this client");
            database.Add(new IdentityRoleClaim<Guid> { RoleId = role.Id, ClaimType = "group", ClaimValue = "\"a\"" });
            database.Add(new IdentityRoleClaim<Guid> { RoleId = role.Id, ClaimType = "group", ClaimValue = "[\"b\",7]" });
        });
        var (access, refresh) = await service.SignInAsync("alice", "alice-password-1");
        Assert.False(Claims(access).TryGetProperty("department", out _));

        // Read afresh at every refresh, the rules and the claims.
        await SetRulesAsync(service, """["department","group","level",{"claim":"tier","as":"plan"}]""");
        var (status, body) = await service.SendAsync(HttpMethod.Post, "/api/token/refresh/", new { refresh });
        Assert.Equal(200, status);
        foreach (var claims in new[] { Claims(body.GetProperty("access").GetString()!), Claims((await service.SignInAsync("alice", "alice-password-1")).Access) })
        {
            Assert.Equal("Café \"Ω\" ü", claims.GetProperty("department").GetString());
            Assert.Equal("gold", claims.GetProperty("plan").GetString());
            Assert.Equal("""["a","b",7]""", claims.GetProperty("group").GetRawText());
            Assert.Equal(3, claims.GetProperty("level").GetInt32());
            Assert.False(claims.TryGetProperty("tier", out _));
            Assert.False(claims.TryGetProperty("secret", out _));
        }
        Assert.Equal("""["a","b",7]""", Claims((await service.SignInAsync("bob", "bob-password-1")).Access).GetProperty("group").GetRawText());
    }

    [Fact]
    public async Task Token_that_no_gateway_would_take_is_not_issued()
    {
        await using var service = await RunningService.StartAsync(await databases.CreateAsync(Databases.Sqlite));
        await SetRulesAsync(service, """["group"]""");
        await ChangeAsync(service, async database =>
        {
            var alice = await database.Users.SingleAsync(user => user.UserName == "alice", Cancellation);
            for (var i = 0; i < 40; i++) Add(database, alice, "group", new string('x', 250) + i);
        });
        var (status, body) = await service.SendAsync(HttpMethod.Post, "/api/token/", new { username = "alice", password = "alice-password-1" });
        Assert.Equal((500, "token_too_large"), (status, body.GetProperty("code").GetString()));
    }

    [Theory]
    [InlineData("""["department"]""", null)]
    [InlineData("[]", null)]
    [InlineData("""[{"claim":"tier","as":"https://example.com/plan"}]""", null)]
    [InlineData("""{"department":true}""", "array")]
    [InlineData("""["roles"]""", "meaning of its own")]
    [InlineData("""[{"claim":"tier","as":"sub"}]""", "meaning of its own")]
    [InlineData("""["a","a"]""", "Two rules")]
    [InlineData("""["a",{"claim":"b","as":"a"}]""", "Two rules")]
    [InlineData("""["has space"]""", "ASCII letters")]
    [InlineData("""[7]""", "A rule is")]
    [InlineData("""[{"claim":"a"}]""", "A rule is")]
    public void Rules_are_checked(string json, string? fault)
    {
        using var document = JsonDocument.Parse(json);
        var (rules, found) = ClaimRules.Parse(document.RootElement);
        Assert.Equal(fault is null, rules is not null);
        if (fault is not null) Assert.Contains(fault, found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"department":"x","level":3,"vip":true,"group":["a","b"],"https://example.com/plan":"gold"}""", true)]
    [InlineData("{}", true)]
    [InlineData("""{"sub":"x"}""", false)]
    [InlineData("""{"token_type":"access"}""", false)]
    [InlineData("""{"cnf":"x"}""", false)]
    [InlineData("""{"":"x"}""", false)]
    [InlineData("""{"a":""}""", false)]
    [InlineData("""{"a":null}""", false)]
    [InlineData("""{"a":{"b":1}}""", false)]
    [InlineData("""{"a":[]}""", false)]
    [InlineData("""{"a":[[1]]}""", false)]
    [InlineData("""{"a":"line\nbreak"}""", false)]
    [InlineData("""{"ä":"x"}""", false)]
    public void Claims_are_checked(string json, bool good) =>
        Assert.Equal(good, CustomClaim.Fault(System.Text.Json.Nodes.JsonNode.Parse(json)!.AsObject()) is null);

    private static void Add(UsersDbContext database, User user, string type, string value) =>
        database.Add(new IdentityUserClaim<Guid> { UserId = user.Id, ClaimType = type, ClaimValue = JsonSerializer.Serialize(value) });

    private static Task SetRulesAsync(RunningService service, string rules) => ChangeAsync(
        service, async database => (await database.Clients.SingleAsync(client => client.ClientId == Client.Api, Cancellation)).ClaimRules = rules);

    private static async Task ChangeAsync(RunningService service, Func<UsersDbContext, Task> change)
    {
        await using var database = await service.Services.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContextAsync(Cancellation);
        await change(database);
        await database.SaveChangesAsync(Cancellation);
    }

    private static JsonElement Claims(string access) => JsonDocument.Parse(Base64Url.DecodeFromChars(access.Split('.')[1])).RootElement;
}
