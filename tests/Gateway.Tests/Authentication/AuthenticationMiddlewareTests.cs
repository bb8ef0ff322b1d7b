using System.Text.Json;
using Gateway.Authentication;
using Gateway.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using RevocationProtocol;
using Testing;

namespace Gateway.Tests.Authentication;

/// <summary>What a client sees of a refusal, over real sockets.</summary>
public sealed class AuthenticationMiddlewareTests
{
    [Fact]
    public async Task Answers_are_those_of_the_contract()
    {
        using var key = SigningKey.Create();
        await using var server = await KeyServer.StartAsync(key);
        await using var app = await StartAsync(server);
        var port = new Uri(app.Urls.Single()).Port;
        var token = TokenForge.Token(key, server.Issuer, TimeProvider.System.GetUtcNow());
        var cancelled = TestContext.Current.CancellationToken;
        await Eventually.TrueAsync(
            async _ => (await RawHttpClient.GetAsync(port, "/", cancelled, $"Authorization: Bearer {token}")).Status == 200,
            TimeSpan.FromSeconds(10), () => "not accepted", cancelled);

        await ExpectAsync(port, Reason.TokenMissing);
        await ExpectAsync(port, Reason.TokenMissing, "Authorization: Basic YTpi");
        await ExpectAsync(port, Reason.TokenMissing, "Authorization: Bearer");
        await ExpectAsync(port, Reason.TokenMissing, "Authorization: Bearer   ");
        await ExpectAsync(port, Reason.TokenMalformed, "Authorization: Bearer x");
        await ExpectAsync(port, Reason.TokenMalformed, $"Authorization: Bearer {token},{token}");
        await ExpectAsync(port, Reason.TokenMalformed, $"Authorization: Bearer {token} {token}");
        await ExpectAsync(port, Reason.TokenMalformed, $"Authorization: Bearer \"{token}\"");
        await ExpectAsync(port, Reason.TokenMalformed, $"Authorization: Bearer {new string('a', 20_000)}");
        await ExpectAsync(port, Reason.TokenSignatureInvalid, $"Authorization: Bearer {token[..^6]}AAAAAA");
        await ExpectAsync(port, Reason.CredentialsAmbiguous, $"Authorization: Bearer {token}", $"Authorization: Bearer {token}");
        await ExpectAsync(port, Reason.CredentialsAmbiguous, "Authorization: Basic YTpi", $"Authorization: Bearer {token}");
        Assert.Equal(431, (await RawHttpClient.GetAsync(port, "/", cancelled, $"Authorization: Bearer {new string('a', 40_000)}")).Status);
        Assert.Equal(200, (await RawHttpClient.GetAsync(port, "/", cancelled, $"authorization: bEARER {token}")).Status);
    }

    private static async Task ExpectAsync(int port, Reason reason, params string[] headers)
    {
        var answer = await RawHttpClient.GetAsync(port, "/?access_token=x", TestContext.Current.CancellationToken, headers);
        Assert.Equal(reason.Status, answer.Status);
        using var body = JsonDocument.Parse(answer.Body);
        Assert.Equal(reason.Code, body.RootElement.GetProperty("code").GetString());
        Assert.Equal(reason.Challenge, answer.Value("WWW-Authenticate"));
    }

    private static async Task<WebApplication> StartAsync(KeyServer server)
    {
        var builder = WebApplication.CreateSlimBuilder(
            ["--urls", "http://127.0.0.1:0", "--Gateway:Issuers:0:Issuer", server.Issuer, "--Gateway:Issuers:0:Authority", server.Issuer]);
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(TimeProvider.System);
        var stopped = new TestClock();
        var revocations = new RevocationReplica(TimeSpan.FromSeconds(30), stopped);
        revocations.Prove(stopped.GetTimestamp());
        builder.Services.AddSingleton(revocations);
        // Nobody says that keys have changed.
        builder.Services.AddSingleton(new IssuerKeyChannel(new RedisConnection("127.0.0.1:1", TimeProvider.System), new RevocationKeys("gw:")));
        builder.Services.AddTokenAuthentication();
        var app = builder.Build();
        app.UseTokenAuthentication();
        app.Run(context => context.Features.Get<AuthenticationOutcome>()!.IsAuthenticated(out var caller, out var refusal)
            ? context.Response.WriteAsync(caller.Subject)
            : context.RefuseAsync(refusal));
        await app.StartAsync();
        return app;
    }
}
