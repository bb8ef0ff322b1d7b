using System.Security.Cryptography;
using System.Text;
using AuthService.OAuth.Authorization;
using AuthService.SignIn;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Testing;

namespace AuthService.Tests.OAuth;

/// <summary>Redemption of codes: what comes out, for whom, and what a second use does.</summary>
[Collection(OAuthCollection.Name)]
public sealed class AuthorizationCodeTests(OAuthWorld world)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Code_becomes_the_tokens_of_a_session_of_its_own()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);

        var first = await browser.TokensAsync();
        var second = await browser.TokensAsync();

        Assert.Equal(["access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"], first.Json.EnumerateObject().Select(member => member.Name).Order(StringComparer.Ordinal));
        Assert.Equal(("demo-spa", "openid profile", "gateway", "alice"), (first.Claim("client_id"), first.Claim("scope"), first.Claim("aud"), first.Claim("name")));
        Assert.NotEqual(first.Claim("sid"), second.Claim("sid"));
        Assert.Equal(200, await world.Service.VerifyStatusAsync(first.Token));
        Assert.Equal("no-store", first.Headers.CacheControl?.ToString());
        using var list = await world.Service.SendAsync(HttpMethod.Get, "/api/sessions", first.Token);
        var sids = (await Tokens.RunningService.JsonAsync(list)).EnumerateArray().Select(session => session.GetProperty("sid").GetString()).ToList();
        Assert.Contains(first.Claim("sid"), sids);
        Assert.Contains(second.Claim("sid"), sids);
    }

    [Fact]
    public async Task Id_token_says_what_the_standard_wants()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync(("nonce", "n-0S6_WzA2Mj"));
        var id = TokenTexts.Claims(tokens.IdToken!);

        Assert.Equal("JWT", TokenTexts.Header(tokens.IdToken!).GetProperty("typ").GetString());
        Assert.Equal(
            (OAuthWorld.Issuer, "demo-spa", tokens.Claim("sub"), tokens.Claim("sid"), "n-0S6_WzA2Mj"),
            (id.GetProperty("iss").GetString(), id.GetProperty("aud").GetString(), id.GetProperty("sub").GetString(), id.GetProperty("sid").GetString(), id.GetProperty("nonce").GetString()));
        Assert.Equal(tokens.Claim("auth_time"), id.GetProperty("auth_time").ToString());
        Assert.Equal("pwd", Assert.Single(id.GetProperty("amr").EnumerateArray()).GetString());
        var hash = SHA256.HashData(Encoding.ASCII.GetBytes(tokens.Token));
        Assert.Equal(System.Buffers.Text.Base64Url.EncodeToString(hash.AsSpan(0, 16)), id.GetProperty("at_hash").GetString());
        Assert.InRange(id.GetProperty("exp").GetInt64() - id.GetProperty("iat").GetInt64(), 1, 300);
    }

    [Fact]
    public async Task Without_openid_there_is_no_id_token()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);

        Assert.Null((await browser.TokensAsync(("scope", "profile"))).IdToken);
    }

    [Fact]
    public async Task Third_party_refreshes_only_with_offline_access()
    {
        await world.AddThirdPartyAsync("offline", "openid", "offline_access");
        using var browser = await OAuthBrowser.SignedInAsync(world);
        await world.Service.Services.GetRequiredService<Consents>().GrantAsync((await world.AccountAsync("alice")).Id, "offline", ["openid", "offline_access"], Cancellation);

        Assert.Null((await RedeemAsync("openid")).Refresh);
        Assert.NotNull((await RedeemAsync("openid offline_access")).Refresh);
        // What is not asked for is not given.
        Assert.Null((await RedeemAsync(null)).Refresh);

        async Task<TokenAnswer> RedeemAsync(string? scope)
        {
            var code = await browser.CodeAsync(("client_id", "offline"), ("redirect_uri", "https://offline.example/cb"), ("scope", scope));
            return await world.AskAsync(
                "offline:secret", ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", "https://offline.example/cb"), ("code_verifier", OAuthBrowser.Verifier));
        }
    }

    [Theory]
    [InlineData("wrong-verifier", "invalid_grant")]
    [InlineData("challenge-as-verifier", "invalid_grant")]
    [InlineData("other-redirect", "invalid_grant")]
    [InlineData("other-client", "invalid_grant")]
    [InlineData("no-verifier", "invalid_request")]
    [InlineData("short-verifier", "invalid_request")]
    [InlineData("no-redirect", "invalid_request")]
    [InlineData("other-code", "invalid_grant")]
    [InlineData("long-code", "invalid_grant")]
    public async Task Code_in_the_wrong_hands_is_refused_and_not_spoilt(string fault, string error)
    {
        await world.AddClientAsync("other-public", client =>
            (client.TokenEndpointAuthMethod, client.GrantTypes, client.RedirectUris, client.Scopes) = ("none", ["authorization_code"], [OAuthBrowser.Redirect], ["openid", "profile"]));
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var code = await browser.CodeAsync();

        var answer = fault switch
        {
            "wrong-verifier" => await browser.RedeemAsync(code, verifier: new string('w', 64)),
            "challenge-as-verifier" => await browser.RedeemAsync(code, verifier: Pkce.Challenge(OAuthBrowser.Verifier)),
            "other-redirect" => await browser.RedeemAsync(code, redirect: "http://127.0.0.1:4712/callback"),
            "other-client" => await browser.RedeemAsync(code, clientId: "other-public"),
            "no-verifier" => await browser.RedeemAsync(code, verifier: ""),
            "short-verifier" => await browser.RedeemAsync(code, verifier: "v"),
            "no-redirect" => await browser.RedeemAsync(code, redirect: ""),
            "other-code" => await browser.RedeemAsync(code[..^1] + (code[^1] == 'A' ? 'E' : 'A')),
            _ => await browser.RedeemAsync(code + new string('A', 5000)),
        };

        Assert.Equal((400, error), (answer.Status, answer.Error));
        Assert.Equal(200, (await browser.RedeemAsync(code)).Status);
    }

    [Fact]
    public async Task Code_injected_into_another_users_flow_is_refused()
    {
        using var victim = await OAuthBrowser.SignedInAsync(world, "bob");
        var stolen = await victim.CodeAsync(("code_challenge", Pkce.Challenge(new string('b', 64))));
        using var attacker = await OAuthBrowser.SignedInAsync(world);
        await attacker.CodeAsync();

        Assert.Equal("invalid_grant", (await attacker.RedeemAsync(stolen)).Error);
    }

    [Fact]
    public async Task Code_presented_again_ends_the_session_that_it_began()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var code = await browser.CodeAsync();
        var tokens = await browser.RedeemAsync(code);

        Assert.Equal("invalid_grant", (await browser.RedeemAsync(code)).Error);

        Assert.Equal(401, await world.Service.VerifyStatusAsync(tokens.Token));
        Assert.Equal(401, await world.Service.VerifyStatusAsync(tokens.Refresh!));
        Assert.Equal("invalid_grant", (await RefreshAsync(tokens.Refresh!)).Error);
        var sid = tokens.Claim("sid");
        await Eventually.TrueAsync(async () => await AuditedAsync(sid!) is ["session.code_reused", "session.started"], "both are audited", Cancellation);
    }

    [Fact]
    public async Task Code_presented_many_times_at_once_leaves_nothing_that_lives()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var code = await browser.CodeAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => browser.RedeemAsync(code)));

        var won = Assert.Single(answers, answer => answer.Status == 200);
        Assert.All(answers.Where(answer => answer != won), answer => Assert.Equal((400, "invalid_grant"), (answer.Status, answer.Error)));
        Assert.Equal(401, await world.Service.VerifyStatusAsync(won.Token));
        Assert.Equal("invalid_grant", (await RefreshAsync(won.Refresh!)).Error);
    }

    [Fact]
    public async Task Code_of_before_a_sign_out_is_worth_nothing()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var code = await browser.CodeAsync();
        await world.Service.Services.GetRequiredService<BrowserSignIns>().EndAsync(browser.SignInId, actor: null, Cancellation);

        Assert.Equal("invalid_grant", (await browser.RedeemAsync(code)).Error);
    }

    [Fact]
    public async Task Code_of_before_the_end_of_all_sessions_is_worth_nothing()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world, "bob");
        var code = await browser.CodeAsync();
        using var ended = await world.Service.SendAsync(HttpMethod.Delete, "/api/sessions", (await world.Service.SignInAsync("bob")).Access);
        Assert.Equal(200, (int)ended.StatusCode);

        Assert.Equal("invalid_grant", (await browser.RedeemAsync(code)).Error);
    }

    [Fact]
    public async Task Redis_knows_no_code()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var code = await browser.CodeAsync();

        var key = $"gw:code:{{{AuthService.OAuth.OneTimeValue.Hash(code)![..2]}}}:{AuthService.OAuth.OneTimeValue.Hash(code)}";
        var life = long.Parse(await world.Service.Redis.RunCliAsync("PTTL", key));
        Assert.InRange(life, 1, 60_000);
        Assert.DoesNotContain(code, await world.Service.Redis.RunCliAsync("HGETALL", key), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Database_away_uses_no_code_up()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var code = await browser.CodeAsync();
        world.Service.Database.Away = true;
        try
        {
            Assert.Equal(503, (await browser.RedeemAsync(code)).Status);
        }
        finally
        {
            world.Service.Database.Away = false;
        }

        Assert.Equal(200, (await browser.RedeemAsync(code)).Status);
    }

    private Task<TokenAnswer> RefreshAsync(string refresh) => world.AskAsync(null, ("grant_type", "refresh_token"), ("client_id", "demo-spa"), ("refresh_token", refresh));

    private async Task<List<string>> AuditedAsync(string sid)
    {
        List<string> types = [];
        await world.Service.InDatabaseAsync(async database =>
            types = await database.AuditEvents.Where(audit => audit.Sid == sid).Select(audit => audit.Type).Order().ToListAsync(Cancellation));
        return types;
    }
}
