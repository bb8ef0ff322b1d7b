using System.Net;
using System.Text;
using Gateway.Explain;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using ServiceHosting;
using ServiceHosting.Management;

namespace Gateway.Tests.Explain;

/// <summary>Who may ask, how often, and in which form; what is answered is compared with real answers end to end.</summary>
public sealed class ExplainEndpointTests
{
    [Theory]
    [InlineData("127.0.0.1", null, null, 400)]
    [InlineData("::1", "secret", null, 400)]
    [InlineData("203.0.113.1", null, null, 401)]
    [InlineData("203.0.113.1", null, "Bearer ", 401)]
    [InlineData("203.0.113.1", "secret", null, 401)]
    [InlineData("203.0.113.1", "secret", "Bearer secre", 401)]
    [InlineData("203.0.113.1", "secret", "Basic secret", 401)]
    [InlineData("203.0.113.1", "secret", "bearer secret", 400)]
    public async Task Only_this_machine_or_the_management_token_may_ask(string peer, string? token, string? authorization, int status)
    {
        using var endpoint = Endpoint(token);
        Assert.Equal(status, (await AskAsync(endpoint, "", peer, authorization)).Status);
    }

    [Theory]
    [InlineData("", "The body must be JSON")]
    [InlineData("[]", "The body must be an object.")]
    [InlineData("""{"path":"/"}""", "method: is required")]
    [InlineData("""{"method":"GET"}""", "path: is required")]
    [InlineData("""{"method":"G T","path":"/"}""", "method: is not a token.")]
    [InlineData("""{"method":"GET","path":"/","query":"x"}""", "Members are method, path and headers")]
    [InlineData("""{"method":"GET","path":"/","headers":[]}""", "headers: must be an object.")]
    [InlineData("""{"method":"GET","path":"/","headers":{"a":1}}""", "headers: values are texts")]
    [InlineData("""{"method":"GET","path":"/","headers":{"a":["b",null]}}""", "headers: values are texts")]
    [InlineData("""{"method":"GET","method":"GET","path":"/"}""", "The body must be JSON")]
    [InlineData("""{"method":"GET","path":"\ud800"}""", "The body must be JSON")]
    public async Task Malformed_question_is_400_and_names_the_member(string body, string detail)
    {
        using var endpoint = Endpoint(null);
        var (status, text) = await AskAsync(endpoint, body);
        Assert.Equal(400, status);
        Assert.Contains(detail, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Question_too_long_is_400()
    {
        using var endpoint = Endpoint(null);
        Assert.Equal(400, (await AskAsync(endpoint, new string(' ', 70_000))).Status);
    }

    [Fact]
    public async Task Twenty_a_second_are_answered()
    {
        using var endpoint = Endpoint(null);
        for (var i = 0; i < 20; i++) Assert.Equal(400, (await AskAsync(endpoint, "")).Status);
        Assert.Equal(429, (await AskAsync(endpoint, "")).Status);
        // Who may not ask uses up nothing, and learns nothing.
        Assert.Equal(401, (await AskAsync(endpoint, "", "203.0.113.1")).Status);
    }

    private static ExplainEndpoint Endpoint(string? token) =>
        new(null!, Options.Create(new ManagementOptions { Token = token is null ? null : new Redacted(token) }), TimeProvider.System);

    private static async Task<(int Status, string Body)> AskAsync(ExplainEndpoint endpoint, string body, string peer = "127.0.0.1", string? authorization = null)
    {
        using var answer = new MemoryStream();
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse(peer);
        context.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(body));
        if (authorization is not null) context.Request.Headers.Authorization = authorization;
        context.Response.Body = answer;
        await endpoint.AnswerAsync(context);
        return (context.Response.StatusCode, Encoding.UTF8.GetString(answer.ToArray()));
    }
}
