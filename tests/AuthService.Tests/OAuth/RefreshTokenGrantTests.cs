using AuthService.OAuth.Authorization;
using AuthService.Sessions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace AuthService.Tests.OAuth;

/// <summary>Refresh at the token endpoint, and the password grant.</summary>
[Collection(OAuthCollection.Name)]
public sealed class RefreshTokenGrantTests(OAuthWorld world)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Refresh_gives_the_next_tokens_of_the_same_session()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var first = await browser.TokensAsync();

        var second = await RefreshAsync(first.Refresh!);

        Assert.Equal((first.Claim("sid"), first.Claim("sub"), "openid profile"), (second.Claim("sid"), second.Claim("sub"), second.Claim("scope")));
        Assert.NotEqual(first.Refresh, second.Refresh);
        var id = TokenTexts.Claims(second.IdToken!);
        Assert.Equal(first.Claim("auth_time"), id.GetProperty("auth_time").ToString());
        Assert.False(id.TryGetProperty("nonce", out _));
    }

    [Fact]
    public async Task Used_refresh_token_ends_the_session()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var first = await browser.TokensAsync();
        var second = await RefreshAsync(first.Refresh!);
        var third = await RefreshAsync(second.Refresh!);

        Assert.Equal("invalid_grant", (await RefreshAsync(first.Refresh!)).Error);

        Assert.Equal("invalid_grant", (await RefreshAsync(third.Refresh!)).Error);
        Assert.Equal(401, await world.Service.VerifyStatusAsync(third.Token));
    }

    [Fact]
    public async Task Scope_can_be_narrowed_for_one_token_and_never_widened()
    {
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();

        var narrow = await RefreshAsync(tokens.Refresh!, ("scope", "profile"));
        Assert.Equal(("profile", "profile", null), (narrow.Claim("scope"), narrow.Json.GetProperty("scope").GetString(), narrow.IdToken));
        Assert.Equal("invalid_scope", (await RefreshAsync(narrow.Refresh!, ("scope", "profile email"))).Error);
        Assert.Equal("openid profile", (await RefreshAsync(narrow.Refresh!)).Claim("scope"));
    }

    [Fact]
    public async Task Scope_that_the_client_has_lost_is_not_given_again()
    {
        await world.AddClientAsync("loses-scope", client => (client.TokenEndpointAuthMethod, client.FirstParty, client.GrantTypes, client.RedirectUris, client.Scopes) =
            ("none", true, ["authorization_code", "refresh_token"], ["https://loses.example/cb"], ["openid", "profile"]));
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var code = await browser.CodeAsync(("client_id", "loses-scope"), ("redirect_uri", "https://loses.example/cb"));
        var tokens = await browser.RedeemAsync(code, "loses-scope", "https://loses.example/cb");
        await world.Service.InDatabaseAsync(async database => (await database.Clients.SingleAsync(client => client.ClientId == "loses-scope", Cancellation)).Scopes = ["openid"]);

        Assert.Equal("openid", (await RefreshAsync(tokens.Refresh!, ("client_id", "loses-scope"))).Claim("scope"));
    }

    [Fact]
    public async Task Refresh_token_is_good_for_its_client_alone()
    {
        await world.AddClientAsync("other-refresher", client => (client.TokenEndpointAuthMethod, client.FirstParty, client.GrantTypes) = ("none", true, ["refresh_token"]));
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var tokens = await browser.TokensAsync();

        Assert.Equal("invalid_grant", (await RefreshAsync(tokens.Refresh!, ("client_id", "other-refresher"))).Error);
        Assert.Equal(401, await world.Service.RefreshStatusAsync(tokens.Refresh!));
        Assert.Equal("invalid_grant", (await RefreshAsync((await world.Service.SignInAsync()).Refresh)).Error);
        Assert.Equal(200, (await RefreshAsync(tokens.Refresh!)).Status);
    }

    [Theory]
    [InlineData("gwr_x")]
    [InlineData("x")]
    [InlineData("gwr_AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task Forged_refresh_token_is_refused(string token) => Assert.Equal((400, "invalid_grant"), await RefreshAsync(token) is var answer ? (answer.Status, answer.Error) : default);

    [Fact]
    public async Task Consent_that_was_taken_back_ends_refresh_and_sessions()
    {
        await world.AddThirdPartyAsync("withdrawn", "openid", "offline_access");
        var alice = (await world.AccountAsync("alice")).Id;
        var consents = world.Service.Services.GetRequiredService<Consents>();
        await consents.GrantAsync(alice, "withdrawn", ["openid", "offline_access"], Cancellation);
        using var browser = await OAuthBrowser.SignedInAsync(world);
        var code = await browser.CodeAsync(("client_id", "withdrawn"), ("redirect_uri", "https://withdrawn.example/cb"), ("scope", "openid offline_access"));
        var tokens = await world.AskAsync(
            "withdrawn:secret", ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", "https://withdrawn.example/cb"), ("code_verifier", OAuthBrowser.Verifier));
        Assert.Contains(await consents.ListAsync(alice, Cancellation), consent => consent.ClientId == "withdrawn");

        Assert.Equal(1, await consents.WithdrawAsync(alice, "withdrawn", new SessionActor(alice.ToString("D"), null, null), Cancellation));

        Assert.Equal(401, await world.Service.VerifyStatusAsync(tokens.Token));
        Assert.Equal("invalid_grant", (await world.AskAsync("withdrawn:secret", ("grant_type", "refresh_token"), ("refresh_token", tokens.Refresh!))).Error);
        Assert.DoesNotContain(await consents.ListAsync(alice, Cancellation), consent => consent.ClientId == "withdrawn");
    }

    [Fact]
    public async Task Password_grant_is_for_clients_that_are_registered_for_it()
    {
        await world.AddClientAsync("legacy", client => (client.GrantTypes, client.Scopes, client.FirstParty) = ([GrantName, "refresh_token"], ["profile"], true));

        var answer = await AskAsync("legacy:secret", "alice-password-1");
        Assert.Equal(("legacy", "profile", "alice"), (answer.Claim("client_id"), answer.Claim("scope"), answer.Claim("name")));
        Assert.NotNull(answer.Refresh);
        Assert.Equal((400, "invalid_grant"), await AskAsync("legacy:secret", "wrong") is var wrong ? (wrong.Status, wrong.Error) : default);
        Assert.Equal("unauthorized_client", (await AskAsync("orders-service:orders-secret-1", "alice-password-1")).Error);
        Assert.Equal("invalid_request", (await world.AskAsync("legacy:secret", ("grant_type", GrantName), ("username", "alice"))).Error);

        Task<TokenAnswer> AskAsync(string client, string password) => world.AskAsync(client, ("grant_type", GrantName), ("username", "alice"), ("password", password));
    }

    private const string GrantName = "password";

    private Task<TokenAnswer> RefreshAsync(string refresh, params (string Name, string Value)[] more) => world.AskAsync(
        null, [("grant_type", "refresh_token"), ("refresh_token", refresh), .. more.Any(pair => pair.Name == "client_id") ? more : [("client_id", "demo-spa"), .. more]]);
}
