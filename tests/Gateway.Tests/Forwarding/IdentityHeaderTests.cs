using Gateway.Forwarding;

namespace Gateway.Tests.Forwarding;

/// <summary>What a backend is told about the caller.</summary>
public sealed class IdentityHeaderTests : IAsyncLifetime
{
    private const string Routes = """
        {
          "anonymous": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/anonymous" } },
          "default": { "ClusterId": "backend", "Match": { "Path": "/default" } },
          "mapped": { "ClusterId": "backend", "Match": { "Path": "/mapped" }, "Metadata": {
            "Gateway.IdentityHeaders": "X-User-Id",
            "Gateway.ClaimHeaders": "email=X-Email, groups=Groups, address=X-Address, gone=X-Gone, sub=X-Sub",
            "Gateway.Authorization": "keep" } }
        }
        """;

    private RoutedGateway _gateway = null!;

    public async ValueTask InitializeAsync() =>
        _gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration(Routes), TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Fact]
    public async Task Anonymous_request_has_no_identity_headers()
    {
        await _gateway.GetAsync("/anonymous", "Authorization: Bearer nobody");

        Assert.DoesNotContain(_gateway.Backend.Last.Headers, header => ReservedHeaders.Contains(header.Key, trustsProxyHeaders: true));
        Assert.Null(_gateway.Backend.Last.Value("Authorization"));
    }

    [Fact]
    public async Task Identity_is_percent_encoded_and_decodes_to_what_the_token_says()
    {
        const string Name = "Zoë \"Ünï\" Łęcki, 李";
        _gateway.Callers["zoe"] = RoutedGateway.Caller("zoe", name: Name, roles: ["a,b", "100%", "ü", "plain"], scopes: ["openid", "orders.read"]);

        await _gateway.GetAsync("/default", "Authorization: Bearer zoe");

        var received = _gateway.Backend.Last;
        Assert.Equal("Zo%C3%AB%20\"%C3%9Cn%C3%AF\"%20%C5%81%C4%99cki,%20%E6%9D%8E", received.Value("X-User-Name"));
        Assert.Equal(Name, Uri.UnescapeDataString(received.Value("X-User-Name")!));
        Assert.Equal("a%2Cb,100%25,%C3%BC,plain", received.Value("X-User-Roles"));
        Assert.Equal("openid orders.read", received.Value("X-User-Scopes"));
        Assert.Null(received.Value("X-User-Issuer"));
        Assert.Null(received.Value("Authorization"));
    }

    [Fact]
    public async Task Identity_beyond_the_limit_is_refused_and_never_cut()
    {
        _gateway.Callers["many"] = RoutedGateway.Caller("many", roles: [.. Enumerable.Range(0, 500).Select(i => $"some-long-role-{i}")]);

        var answer = await _gateway.GetAsync("/default", "Authorization: Bearer many");
        var narrow = await _gateway.GetAsync("/mapped", "Authorization: Bearer many");

        Assert.Equal(403, answer.Status);
        Assert.Contains("\"code\":\"identity_too_large\"", answer.BodyText, StringComparison.Ordinal);
        Assert.Equal(200, narrow.Status);
        Assert.Equal("/mapped", Assert.Single(_gateway.Backend.Requests).Target);
    }

    [Fact]
    public async Task Route_chooses_identity_headers_and_maps_claims()
    {
        _gateway.Callers["c"] = RoutedGateway.Caller(
            "c", new { email = "zoë@example.com", groups = new object[] { "a,b", 7, true }, address = new { zip = "1 2" }, sub = "raw" });

        var answer = await _gateway.GetAsync("/mapped", "Authorization: Bearer c", "X_Email: FOREIGN", "g-r-o-u-p-s: FOREIGN", "x.gone: FOREIGN");

        Assert.Equal(200, answer.Status);
        var received = _gateway.Backend.Last;
        Assert.Equal("c", received.Value("X-User-Id"));
        Assert.Null(received.Value("X-Client-Id"));
        Assert.Equal("zo%C3%AB@example.com", received.Value("X-Email"));
        Assert.Equal("a%2Cb,7,true", received.Value("Groups"));
        Assert.Equal("{\"zip\":\"1%202\"}", received.Value("X-Address"));
        Assert.Equal("c", received.Value("X-Sub"));
        Assert.Equal("Bearer c", received.Value("Authorization"));
        Assert.Null(received.Value("X-Gone"));
        Assert.DoesNotContain(received.Headers, header => header.Value.Contains("FOREIGN", StringComparison.Ordinal));
    }
}
