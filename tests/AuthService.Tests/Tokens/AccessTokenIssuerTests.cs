using System.Text.Json;
using AuthService.SigningKeys;
using AuthService.Tests.Users;
using AuthService.Tokens;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace AuthService.Tests.Tokens;

public sealed class AccessTokenIssuerTests(Databases databases)
{
    private static readonly AccessTokenRequest User = new(
        "7c9e6679-7425-40de-944b-e07fc1f90ae7", "api", "profile", 1_790_000_000_123, "", "0123456789abcdef0123456789abcdef", 1_789_999_000, ["admin", "user"], "Jürgen \"J\" <x>");

    [Theory]
    [InlineData("ES256")]
    [InlineData("ES384")]
    [InlineData("RS256")]
    [InlineData("PS256")]
    public async Task Token_is_signed_by_the_published_key_of_the_configured_algorithm(string algorithm)
    {
        await using var replica = await StartAsync(new FixedTime(1_790_000_000_500), algorithm);
        var issued = await IssueAsync(replica, User, TestContext.Current.CancellationToken);

        var jwks = new JsonWebKeySet(System.Text.Encoding.UTF8.GetString(replica.Keys.Jwks.Span));
        var result = await new JsonWebTokenHandler().ValidateTokenAsync(issued.Token, new TokenValidationParameters
        {
            ValidIssuer = Replica.Issuer,
            ValidAudience = "gateway",
            ValidTypes = ["at+jwt"],
            ValidAlgorithms = [algorithm],
            IssuerSigningKeys = jwks.GetSigningKeys(),
            ValidateLifetime = false,
        });
        Assert.True(result.IsValid, result.Exception?.ToString());
        Assert.Equal(algorithm, Assert.Single(jwks.Keys).Alg);
        Assert.False(jwks.Keys[0].HasPrivateKey);
        var header = Part(issued.Token, 0);
        Assert.Equal(["alg", "kid", "typ"], header.EnumerateObject().Select(member => member.Name).Order());
        Assert.Equal("at+jwt", header.GetProperty("typ").GetString());
    }

    [Fact]
    public async Task Claims_of_a_user_are_those_of_the_contract()
    {
        await using var replica = await StartAsync(new FixedTime(1_790_000_000_500));
        var issued = await IssueAsync(
            replica, User with { ExtraClaims = new Dictionary<string, object> { ["tenant"] = "a", ["groups"] = new[] { "x", "y" } } }, TestContext.Current.CancellationToken);
        var claims = Part(issued.Token, 1);
        Assert.Equal(
            ["aud", "auth_time", "client_id", "exp", "groups", "iat", "iss", "jti", "name", "roles", "scope", "sid", "sub", "tenant", "token_type"],
            claims.EnumerateObject().Select(member => member.Name).Order());
        Assert.Equal(User.Name, claims.GetProperty("name").GetString());
        Assert.Equal(["admin", "user"], claims.GetProperty("roles").EnumerateArray().Select(role => role.GetString()));
        Assert.Equal("access", claims.GetProperty("token_type").GetString());
        Assert.Equal(1_790_000_000, claims.GetProperty("iat").GetInt64());
        Assert.Equal(1_790_000_300, claims.GetProperty("exp").GetInt64());
        Assert.Equal(1_790_000_300, issued.ExpiresAtSeconds);
        Assert.Equal(issued.Jti, claims.GetProperty("jti").GetString());
    }

    [Fact]
    public async Task Service_token_has_no_claims_of_a_user()
    {
        await using var replica = await StartAsync(TimeProvider.System);
        var issued = await IssueAsync(
            replica, new("orders-service", "orders-service", "orders.read", 1_790_000_000_123, "", null, null, null, null), TestContext.Current.CancellationToken);
        Assert.Equal(["aud", "client_id", "exp", "iat", "iss", "jti", "scope", "sub", "token_type"], Part(issued.Token, 1).EnumerateObject().Select(member => member.Name).Order());
    }

    // The issue time runs ahead of the clock after a cut-off; iat does not.
    [Fact]
    public async Task Jti_carries_the_issue_time_and_iat_the_clock()
    {
        await using var replica = await StartAsync(new FixedTime(1_790_000_000_999));
        var issueTime = 1_790_000_001_801;
        var seen = new HashSet<string>();
        for (var i = 0; i < 50; i++)
        {
            var issued = await IssueAsync(replica, User with { IssueTimeMs = issueTime }, TestContext.Current.CancellationToken);
            var jti = Guid.Parse(issued.Jti);
            Assert.Equal(7, jti.Version);
            Assert.Equal(issueTime, Convert.ToInt64(issued.Jti.Replace("-", "", StringComparison.Ordinal)[..12], 16));
            Assert.Equal(1_790_000_000, Part(issued.Token, 1).GetProperty("iat").GetInt64());
            Assert.True(seen.Add(issued.Jti));
        }
    }

    [Theory]
    [InlineData("sub")]
    [InlineData("token_type")]
    [InlineData("cnf")]
    [InlineData("nonce")]
    public async Task Extra_claim_with_a_meaning_of_its_own_is_refused(string name)
    {
        await using var replica = await StartAsync(TimeProvider.System);
        await Assert.ThrowsAsync<ArgumentException>(async () => await IssueAsync(
            replica, User with { ExtraClaims = new Dictionary<string, object> { [name] = "x" } }, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Tokens_issued_at_once_are_all_valid()
    {
        await using var replica = await StartAsync(TimeProvider.System);
        var tokens = new System.Collections.Concurrent.ConcurrentBag<string>();
        await Parallel.ForEachAsync(Enumerable.Range(0, 500), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (_, ct) => tokens.Add((await IssueAsync(replica, User, ct)).Token));
        using var key = System.Security.Cryptography.ECDsa.Create();
        key.ImportPkcs8PrivateKey(replica.Keys.Active.ExportPkcs8(), out _);
        Assert.Equal(500, tokens.Count(token => key.VerifyData(
            System.Text.Encoding.ASCII.GetBytes(token[..token.LastIndexOf('.')]), Base64UrlEncoder.DecodeBytes(token[(token.LastIndexOf('.') + 1)..]), System.Security.Cryptography.HashAlgorithmName.SHA256)));
    }

    [Fact]
    public async Task Issuing_before_the_keys_are_loaded_is_unavailable()
    {
        await using var replica = Replica.Create(await databases.CreateAsync(Databases.Sqlite));
        await Assert.ThrowsAsync<SigningKeysUnavailableException>(
            async () => await replica.Get<AccessTokenIssuer>().IssueAsync(User, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(1000, new long[] { }, 1000)]
    [InlineData(1000, new long[] { 0, 0 }, 1000)]
    [InlineData(1000, new long[] { 999 }, 1000)]
    [InlineData(1000, new long[] { 1000 }, 1001)]
    [InlineData(1000, new long[] { 5, 2000, 1500 }, 2001)]
    public void Issue_time_lies_after_every_cut_off(long start, long[] cutOffs, long expected) => Assert.Equal(expected, IssueClock.IssueTime(start, cutOffs));

    [Theory]
    [InlineData(0, 10, 5, 0)] // within the round trip: nothing is known against the clock
    [InlineData(0, 10, 700, 690)]
    [InlineData(1000, 1010, 400, -600)]
    public void Skew_is_what_the_round_trip_cannot_explain(long sent, long received, long redis, long expected) => Assert.Equal(
        TimeSpan.FromMilliseconds(expected),
        ClockSkewCheck.Skew(DateTimeOffset.FromUnixTimeMilliseconds(sent), DateTimeOffset.FromUnixTimeMilliseconds(received), DateTimeOffset.FromUnixTimeMilliseconds(redis)));

    private static ValueTask<IssuedAccessToken> IssueAsync(Replica replica, AccessTokenRequest request, CancellationToken cancellationToken) =>
        replica.Get<AccessTokenIssuer>().IssueAsync(request with { SigningKeyId = replica.Keys.Active.Kid }, cancellationToken);

    private static JsonElement Part(string token, int part) => JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.Split('.')[part])).RootElement;

    private async Task<Replica> StartAsync(TimeProvider time, string algorithm = "ES256") =>
        await Replica.StartAsync(await databases.CreateAsync(Databases.Sqlite), time: time, settings: ("AuthService:SigningAlgorithm", algorithm));
}

/// <summary>A clock that stands still; timers run.</summary>
internal sealed class FixedTime(long unixMs) : TimeProvider
{
    public long NowMs { get; set; } = unixMs;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(NowMs);
}
