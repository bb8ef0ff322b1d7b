using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Gateway.Authentication;
using Gateway.Forwarding;

namespace Gateway.Tests.Forwarding;

/// <summary>The signed form of the identity, looked at where it arrives.</summary>
public sealed class IdentityTokenTests : IAsyncLifetime
{
    private const string Routes = """
        {
          "anonymous": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/anonymous" } },
          "default": { "ClusterId": "backend", "Match": { "Path": "/default" } },
          "other": { "ClusterId": "auth-service", "Match": { "Path": "/other" } },
          "headers": { "ClusterId": "backend", "Match": { "Path": "/headers" }, "Metadata": { "Gateway.IdentityHeaders": "headers" } },
          "token": { "ClusterId": "backend", "Match": { "Path": "/token" }, "Metadata": { "Gateway.IdentityHeaders": "token" } },
          "none": { "ClusterId": "backend", "Match": { "Path": "/none" }, "Metadata": { "Gateway.IdentityHeaders": "none" } },
          "named": { "ClusterId": "backend", "Match": { "Path": "/named" }, "Metadata": { "Gateway.IdentityHeaders": "X-User-Id, x-identity-token" } },
          "keep": { "ClusterId": "backend", "Match": { "Path": "/keep" }, "Metadata": { "Gateway.Authorization": "keep" } },
          "replace": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/replace" },
            "Metadata": { "Gateway.Authorization": "replace", "Gateway.IdentityHeaders": "none" } }
        }
        """;

    private RoutedGateway _gateway = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration(Routes), Cancellation);

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Fact]
    public async Task Token_says_who_calls_to_the_cluster_of_the_route()
    {
        const string Name = "Zoë \"Ünï\" Łęcki, 李";
        _gateway.Callers["zoe"] = RoutedGateway.Caller(
            "zoe", new { act = new { sub = "svc-b", act = new { sub = "svc-a" } }, jti = "access-1", auth_time = 7 }, Name, ["user", "a,b"], ["orders.read", "profile"]);

        var token = await TokenOfAsync("/default", "zoe");

        using var header = Decode(token, 0);
        Assert.Equal(
            $$"""{"alg":"ES256","typ":"identity+jwt","kid":"{{_gateway.IdentityKey.Kid}}"}""", header.RootElement.GetRawText());
        using var claims = Verified(token);
        var payload = claims.RootElement;
        Assert.Equal(
            ["iss", "aud", "sub", "name", "roles", "scope", "client_id", "sid", "act", "auth_time", "access_jti", "iat", "exp", "jti"],
            payload.EnumerateObject().Select(member => member.Name));
        Assert.Equal(RoutedGateway.IdentityIssuer, payload.GetProperty("iss").GetString());
        Assert.Equal("backend", payload.GetProperty("aud").GetString());
        Assert.Equal("zoe", payload.GetProperty("sub").GetString());
        Assert.Equal(Name, payload.GetProperty("name").GetString());
        Assert.Equal(["user", "a,b"], payload.GetProperty("roles").EnumerateArray().Select(role => role.GetString()));
        Assert.Equal("orders.read profile", payload.GetProperty("scope").GetString());
        Assert.Equal("demo", payload.GetProperty("client_id").GetString());
        Assert.Equal("sid-1", payload.GetProperty("sid").GetString());
        Assert.Equal("""{"sub":"svc-b","act":{"sub":"svc-a"}}""", payload.GetProperty("act").GetRawText());
        Assert.Equal((7, "access-1"), (payload.GetProperty("auth_time").GetInt32(), payload.GetProperty("access_jti").GetString()));
        Assert.InRange(_gateway.Time.GetUtcNow().ToUnixTimeSeconds() - payload.GetProperty("iat").GetInt64(), 0, 30);
        Assert.InRange(payload.GetProperty("exp").GetInt64() - payload.GetProperty("iat").GetInt64(), 59, 60);
    }

    [Fact]
    public async Task Token_of_a_bare_caller_has_no_empty_claims()
    {
        _gateway.Callers["bare"] = Foreign("bare", new { });

        using var claims = Verified(await TokenOfAsync("/default", "bare"));

        Assert.Equal(["iss", "aud", "sub", "iat", "exp", "jti"], claims.RootElement.EnumerateObject().Select(member => member.Name));
    }

    [Fact]
    public async Task Foreign_caller_keeps_its_prefix_and_brings_no_actors()
    {
        _gateway.Callers["foreign"] = Foreign("partner:7", new { sub = "7", act = new { sub = "admin" }, roles = new[] { "admin" }, jti = "7", auth_time = 7 });

        using var claims = Verified(await TokenOfAsync("/default", "foreign"));

        Assert.Equal("partner:7", claims.RootElement.GetProperty("sub").GetString());
        Assert.False(claims.RootElement.TryGetProperty("act", out _));
        Assert.False(claims.RootElement.TryGetProperty("roles", out _));
        Assert.False(claims.RootElement.TryGetProperty("access_jti", out _));
    }

    [Fact]
    public async Task Token_is_signed_once_for_an_audience_and_again_shortly_before_its_end()
    {
        var first = await TokenOfAsync("/default", "alice");
        Assert.Equal(first, await TokenOfAsync("/default", "alice"));
        var other = await TokenOfAsync("/other", "alice");
        using (var claims = Verified(other)) Assert.Equal("auth-service", claims.RootElement.GetProperty("aud").GetString());

        _gateway.Time.Advance(TimeSpan.FromSeconds(40));
        Assert.Equal(first, await TokenOfAsync("/default", "alice"));

        _gateway.Time.Advance(TimeSpan.FromSeconds(10));
        var second = await TokenOfAsync("/default", "alice");
        Assert.NotEqual(first, second);
        using var renewed = Verified(second);
        Assert.InRange(renewed.RootElement.GetProperty("exp").GetInt64() - _gateway.Time.GetUtcNow().ToUnixTimeSeconds(), 45, 60);
        Assert.Equal(second, await TokenOfAsync("/default", "alice"));
    }

    [Fact]
    public async Task Token_ends_with_the_access_token_and_is_not_signed_again_for_that()
    {
        var expires = _gateway.Time.GetUtcNow().AddSeconds(20);
        _gateway.Callers["short"] = Caller("short", expires);

        var token = await TokenOfAsync("/default", "short");
        using var claims = Verified(token);
        Assert.Equal(expires.ToUnixTimeSeconds(), claims.RootElement.GetProperty("exp").GetInt64());

        _gateway.Time.Advance(TimeSpan.FromSeconds(19));
        Assert.Equal(token, await TokenOfAsync("/default", "short"));
    }

    [Fact]
    public async Task Many_requests_at_once_get_one_token()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => _gateway.GetAsync("/default", "Authorization: Bearer alice")));

        Assert.All(answers, answer => Assert.Equal(200, answer.Status));
        Assert.Equal(40, _gateway.Backend.Requests.Count);
        Assert.Single(_gateway.Backend.Requests.Select(request => request.Value(IdentityHeaders.TokenHeader)).Distinct());
    }

    [Theory]
    [InlineData("/default", true, true)]
    [InlineData("/headers", true, false)]
    [InlineData("/token", false, true)]
    [InlineData("/named", true, true)]
    [InlineData("/none", false, false)]
    public async Task Route_chooses_headers_or_token_or_both(string path, bool headers, bool token)
    {
        await _gateway.GetAsync(path, "Authorization: Bearer alice", "X-Identity-Token: FOREIGN", "X_Identity.Token: FOREIGN");

        var received = _gateway.Backend.Last;
        Assert.Equal(headers ? "alice" : null, received.Value("X-User-Id"));
        Assert.Equal(headers && path != "/named" ? "demo" : null, received.Value("X-Client-Id"));
        Assert.Equal(token, received.Value(IdentityHeaders.TokenHeader) is not null);
        Assert.Null(received.Value("Authorization"));
        Assert.DoesNotContain(received.Headers, header => header.Value.Contains("FOREIGN", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Route_keeps_drops_or_replaces_the_bearer()
    {
        await _gateway.GetAsync("/keep", "Authorization: Bearer alice");
        Assert.Equal("Bearer alice", _gateway.Backend.Last.Value("Authorization"));

        await _gateway.GetAsync("/default", "Authorization: Bearer alice");
        Assert.Null(_gateway.Backend.Last.Value("Authorization"));

        await _gateway.GetAsync("/replace", "Authorization: Bearer alice");
        var replaced = _gateway.Backend.Last;
        Assert.StartsWith("Bearer ey", replaced.Value("Authorization"), StringComparison.Ordinal);
        using var claims = Verified(replaced.Value("Authorization")![7..]);
        Assert.Equal("alice", claims.RootElement.GetProperty("sub").GetString());
        Assert.Null(replaced.Value(IdentityHeaders.TokenHeader));

        await _gateway.GetAsync("/replace", "Authorization: Bearer nobody");
        Assert.Null(_gateway.Backend.Last.Value("Authorization"));
        await _gateway.GetAsync("/replace", "Authorization: Basic dTpw", "Sec-WebSocket-Protocol: gateway.bearer.nobody");
        Assert.Equal("Basic dTpw", _gateway.Backend.Last.Value("Authorization"));
    }

    [Fact]
    public async Task Anonymous_request_has_no_token()
    {
        await _gateway.GetAsync("/anonymous", "X-Identity-Token: FOREIGN");

        Assert.Null(_gateway.Backend.Last.Value(IdentityHeaders.TokenHeader));
    }

    [Fact]
    public async Task Token_counts_to_the_limit_and_the_refusal_names_the_largest_claim()
    {
        _gateway.Callers["many"] = RoutedGateway.Caller("many", name: "Many", roles: [.. Enumerable.Range(0, 220).Select(i => $"some-long-role-{i}")]);

        var answer = await _gateway.GetAsync("/default", "Authorization: Bearer many");

        Assert.Equal(403, answer.Status);
        Assert.Contains("largest claim is roles", answer.BodyText, StringComparison.Ordinal);
        Assert.Empty(_gateway.Backend.Requests);
        Assert.Equal(200, (await _gateway.GetAsync("/headers", "Authorization: Bearer many")).Status);
        Assert.Equal(200, (await _gateway.GetAsync("/token", "Authorization: Bearer many")).Status);
    }

    [Fact]
    public async Task Keys_are_published_for_anybody()
    {
        var answer = await _gateway.GetAsync(IdentityKeyDocument.Path);

        Assert.Equal(200, answer.Status);
        Assert.Equal("application/jwk-set+json", answer.Value("Content-Type"));
        Assert.Matches("max-age=[0-9]{1,2}$", answer.Value("Cache-Control"));
        using var set = JsonDocument.Parse(answer.Body);
        var key = Assert.Single(set.RootElement.GetProperty("keys").EnumerateArray());
        Assert.Equal(["kid", "use", "alg", "kty", "crv", "x", "y"], key.EnumerateObject().Select(member => member.Name));
        Assert.Empty((await _gateway.SendAsync($"HEAD {IdentityKeyDocument.Path} HTTP/1.1\r\nHost: x\r\n\r\n")).Body);
        var post = await _gateway.SendAsync($"POST {IdentityKeyDocument.Path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal((405, "GET, HEAD"), (post.Status, post.Value("Allow")));
        Assert.Empty(_gateway.Backend.Requests);
    }

    private async Task<string> TokenOfAsync(string path, string caller)
    {
        var answer = await _gateway.GetAsync(path, $"Authorization: Bearer {caller}");
        Assert.Equal(200, answer.Status);
        return _gateway.Backend.Last.Value(IdentityHeaders.TokenHeader)!;
    }

    /// <summary>The claims, if the signature is that of the published key.</summary>
    private JsonDocument Verified(string token)
    {
        using var set = JsonDocument.Parse(_gateway.IdentityKeys.Jwks);
        var jwk = set.RootElement.GetProperty("keys")[0];
        using var key = ECDsa.Create(new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = { X = Bytes("x"), Y = Bytes("y") },
        });
        var dot = token.LastIndexOf('.');
        Assert.True(key.VerifyData(System.Text.Encoding.ASCII.GetBytes(token[..dot]), Base64Url.DecodeFromChars(token.AsSpan(dot + 1)), HashAlgorithmName.SHA256));
        return Decode(token, 1);

        byte[] Bytes(string name) => Base64Url.DecodeFromChars(jwk.GetProperty(name).GetString());
    }

    private static JsonDocument Decode(string token, int part) => JsonDocument.Parse(Base64Url.DecodeFromChars(token.Split('.')[part]));

    private static AuthenticatedCaller Foreign(string subject, object claims) => new()
    {
        Issuer = "https://partner.example",
        IsForeign = true,
        ExpiresAt = DateTimeOffset.MaxValue,
        Revocable = RoutedGateway.Caller(subject).Revocable,
        Subject = subject,
        Roles = [],
        Scopes = [],
        Claims = JsonSerializer.SerializeToElement(claims),
    };

    private static AuthenticatedCaller Caller(string subject, DateTimeOffset expires) => new()
    {
        Issuer = "http://issuer.example",
        IsForeign = false,
        ExpiresAt = expires,
        Revocable = RoutedGateway.Caller(subject).Revocable,
        Subject = subject,
        Roles = [],
        Scopes = [],
        Claims = JsonSerializer.SerializeToElement(new { sub = subject }),
    };
}
