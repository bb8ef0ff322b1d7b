using Gateway.Authentication;
using Gateway.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Gateway.Tests.Authentication;

public sealed class BearerTokenTests
{
    [Theory]
    [InlineData("Bearer abc", "abc")]
    [InlineData("bearer abc", "abc")]
    [InlineData("BEARER   abc", "abc")]
    [InlineData("Bearer a b", "a b")]
    [InlineData("Bearer a, Bearer b", "a, Bearer b")]
    public void Scheme_in_any_case_is_found(string value, string token)
    {
        var found = Find(value);
        Assert.Equal((TokenSource.AuthorizationHeader, token, null), (found.Source, found.Text.ToString(), found.Refusal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Bearer")]
    [InlineData("Bearer ")]
    [InlineData("Bearer    ")]
    [InlineData("Basic YTpi")]
    [InlineData("BearerX abc")]
    [InlineData("Bearer\tabc")]
    [InlineData("DPoP abc")]
    public void Nothing_and_other_schemes_are_no_token(string value)
    {
        var found = Find(value);
        Assert.Equal((TokenSource.None, null), (found.Source, found.Refusal));
    }

    [Fact]
    public void Query_and_other_headers_are_not_looked_at()
    {
        var context = new DefaultHttpContext();
        context.Request.QueryString = new QueryString("?access_token=abc");
        context.Request.Headers["X-Authorization"] = "Bearer abc";
        context.Request.Headers.ProxyAuthorization = "Bearer abc";
        context.Request.Headers.Cookie = "Authorization=Bearer abc";
        Assert.Equal(TokenSource.None, BearerToken.Find(context).Source);
    }

    [Theory]
    [InlineData("Bearer abc", "Bearer abc")]
    [InlineData("Bearer abc", "")]
    [InlineData("Basic YTpi", "Bearer abc")]
    public void Two_authorization_headers_are_refused(string first, string second) =>
        Assert.Same(Reason.CredentialsAmbiguous, Find(new StringValues([first, second])).Refusal);

    [Theory]
    [InlineData("chat, gateway.bearer.abc", "chat")]
    [InlineData("gateway.bearer.abc,chat ,superchat", "chat, superchat")]
    [InlineData("gateway.bearer.abc", "")]
    public void Sub_protocol_of_a_handshake_is_taken_out(string protocols, string left)
    {
        var context = Handshake(protocols);
        var found = BearerToken.Find(context);
        Assert.Equal((TokenSource.WebSocketProtocol, "abc", null), (found.Source, found.Text.ToString(), found.Refusal));
        Assert.Equal(left, context.Request.Headers.SecWebSocketProtocol.ToString());
    }

    [Fact]
    public void Sub_protocol_without_token_is_no_token_and_is_taken_out()
    {
        var context = Handshake("chat, gateway.bearer.");
        Assert.Equal((TokenSource.None, null), (BearerToken.Find(context).Source, BearerToken.Find(context).Refusal));
        Assert.Equal("chat", context.Request.Headers.SecWebSocketProtocol.ToString());
    }

    [Fact]
    public void Sub_protocol_besides_authorization_or_twice_is_refused()
    {
        var both = Handshake("chat, gateway.bearer.abc");
        both.Request.Headers.Authorization = "Bearer abc";
        Assert.Same(Reason.CredentialsAmbiguous, BearerToken.Find(both).Refusal);
        Assert.Same(Reason.CredentialsAmbiguous, BearerToken.Find(Handshake("gateway.bearer.abc, gateway.bearer.abc")).Refusal);
        var twoHeaders = Handshake("gateway.bearer.abc");
        twoHeaders.Request.Headers.Append("Sec-WebSocket-Protocol", "gateway.bearer.def");
        Assert.Same(Reason.CredentialsAmbiguous, BearerToken.Find(twoHeaders).Refusal);
    }

    [Fact]
    public void Handshake_without_the_prefix_keeps_its_authorization_and_protocols()
    {
        var context = Handshake("chat, Gateway.Bearer.abc");
        context.Request.Headers.Authorization = "Bearer abc";
        Assert.Equal(TokenSource.AuthorizationHeader, BearerToken.Find(context).Source);
        Assert.Equal("chat, Gateway.Bearer.abc", context.Request.Headers.SecWebSocketProtocol.ToString());
    }

    [Fact]
    public void Sub_protocol_of_an_ordinary_request_is_not_looked_at()
    {
        var context = Handshake("gateway.bearer.abc");
        context.Features.Set<IHttpUpgradeFeature>(new Upgrade(false));
        Assert.Equal(TokenSource.None, BearerToken.Find(context).Source);
    }

    private static BearerToken Find(StringValues authorization)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Authorization = authorization;
        return BearerToken.Find(context);
    }

    private static DefaultHttpContext Handshake(string protocols)
    {
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpUpgradeFeature>(new Upgrade(true));
        context.Request.Headers.Upgrade = "websocket";
        context.Request.Headers.SecWebSocketProtocol = protocols;
        return context;
    }

    private sealed record Upgrade(bool IsUpgradableRequest) : IHttpUpgradeFeature
    {
        public Task<Stream> UpgradeAsync() => throw new NotSupportedException();
    }
}
