using Testing;

namespace Gateway.Tests.Forwarding;

/// <summary>The auth-service's cookies reach, and are set by, nobody else.</summary>
public sealed class SignInCookieTests : IAsyncLifetime
{
    private const string Routes = """
        {
          "other": { "ClusterId": "backend", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/other" } },
          "auth": { "ClusterId": "auth-service", "AuthorizationPolicy": "anonymous", "Match": { "Path": "/auth" } }
        }
        """;

    private RoutedGateway _gateway = null!;

    public async ValueTask InitializeAsync() =>
        _gateway = await RoutedGateway.StartAsync(RoutedGateway.Configuration(Routes), TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Theory]
    [InlineData("gwid_session=1; a=b", "a=b")]
    [InlineData("a=b; GWID_x=1;c=d", "a=b; c=d")]
    [InlineData("%67wid_session=1; a=b", "a=b")]
    [InlineData("gwid%5Fsession=1; gwid%5fx=2; a=%20", "a=%20")]
    [InlineData("gwid_session=1", null)]
    [InlineData("a=gwid_; b=%67wid_x", "a=gwid_; b=%67wid_x")]
    public async Task Sign_in_cookies_go_to_the_auth_service_only(string cookie, string? forwarded)
    {
        await _gateway.GetAsync("/other", $"Cookie: {cookie}");
        Assert.Equal(forwarded, _gateway.Backend.Last.Value("Cookie"));

        await _gateway.GetAsync("/auth", $"Cookie: {cookie}");
        Assert.Equal(cookie, _gateway.Backend.Last.Value("Cookie"));
    }

    [Theory]
    [InlineData("gwid_session=1; Path=/")]
    [InlineData("%67WID_x=1")]
    [InlineData("gwid%5Fx=1")]
    [InlineData("=gwid_x=1")]
    [InlineData(" gwid_x = 1")]
    [InlineData("gwid_x")]
    public async Task Sign_in_cookies_are_set_by_the_auth_service_only(string setCookie)
    {
        _gateway.Backend.Respond = _ => RecordingBackend.Answer(
            $"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nSet-Cookie: {setCookie}\r\nSet-Cookie: c=gwid_\r\nContent-Length: 0\r\n\r\n");

        Assert.Equal(["a=b", "c=gwid_"], (await _gateway.GetAsync("/other")).Values("Set-Cookie"));
        Assert.Equal(3, (await _gateway.GetAsync("/auth")).Values("Set-Cookie").Count);
    }
}
