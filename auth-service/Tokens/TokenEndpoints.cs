using AuthService.SecondFactor;
using AuthService.Sessions;
using AuthService.Users;
using Microsoft.Extensions.Primitives;
using RevocationProtocol;

namespace AuthService.Tokens;

/// <summary>The JSON token API: sign in, refresh, verify, log out by refresh token.</summary>
internal static class TokenEndpoints
{
    /// <summary>What sign-ins through this API may do.</summary>
    public const string Scope = "profile";

    /// <summary>Maps <c>/api/token*</c>; routing takes each path with and without its trailing slash.</summary>
    public static IEndpointRouteBuilder MapTokenEndpoints(this IEndpointRouteBuilder endpoints)
    {
        Map(endpoints, "/api/token", SignInAsync);
        Map(endpoints, "/api/token/refresh", RefreshAsync);
        Map(endpoints, "/api/token/verify", VerifyAsync);
        Map(endpoints, "/api/token/blacklist", BlacklistAsync);
        return endpoints;
    }

    public static void Map(IEndpointRouteBuilder endpoints, string path, RequestDelegate post)
    {
        endpoints.MapPost(path, post);
        endpoints.Map(path, TokenAnswers.MethodNotAllowedAsync);
    }

    private static async Task SignInAsync(HttpContext context)
    {
        if (await TokenRequest.ReadAsync(context, "username", "password") is not { } request)
            return;
        var services = context.RequestServices;
        var cancellationToken = context.RequestAborted;
        var startMs = services.GetRequiredService<IssueClock>().Start();
        // Before the slow hash, so that nobody waits for a sign-in that cannot be completed.
        services.GetRequiredService<Revocation.RevocationService>().EnsureAvailable();
        var address = services.GetRequiredService<ClientAddress>().Of(context);
        var outcome = await services.GetRequiredService<SignInService>().SignInAsync(
            request["username"], request["password"], Client.Api, address, cancellationToken);
        switch (outcome)
        {
            case SignInOutcome.SignedIn(var account):
                await TokenAnswers.PairAsync(context, await services.GetRequiredService<SessionTokens>().StartAsync(
                    account, Client.Api, Scope, startMs, address, UserAgent(context), cancellationToken));
                break;
            case SignInOutcome.SecondFactorRequired(var account):
                var ticket = await services.GetRequiredService<SecondFactorSignIn>().BeginAsync(account, Client.Api, cancellationToken);
                await TokenAnswers.SecondFactorRequiredAsync(context, ticket, SecondFactorTickets.Life);
                break;
            default:
                await TokenAnswers.NoActiveAccountAsync(context);
                break;
        }
    }

    private static async Task RefreshAsync(HttpContext context)
    {
        if (await TokenRequest.ReadAsync(context, "refresh") is not { } request)
            return;
        var tokens = await context.RequestServices.GetRequiredService<SessionTokens>()
            .RefreshAsync(request["refresh"], Client.Api, Presenter(context), context.RequestAborted);
        await (tokens is null ? TokenAnswers.TokenNotValidAsync(context) : TokenAnswers.PairAsync(context, tokens));
    }

    private static async Task VerifyAsync(HttpContext context)
    {
        if (await TokenRequest.ReadAsync(context, "token") is not { } request)
            return;
        var text = request["token"];
        bool good;
        if (text.StartsWith(RefreshTokenCodec.Prefix, StringComparison.Ordinal))
        {
            good = await context.RequestServices.GetRequiredService<SessionTokens>().IsLiveAsync(text, context.RequestAborted);
        }
        else
        {
            var reading = context.RequestServices.GetRequiredService<AccessTokenVerifier>().Verify(text);
            if (reading.Refusal == AccessTokenReading.RevocationUnknown)
                throw new RedisUnavailableException("It is not known now whether the token is revoked.");
            good = reading.Token is not null;
        }
        await (good ? TokenAnswers.EmptyAsync(context) : TokenAnswers.TokenNotValidAsync(context));
    }

    private static async Task BlacklistAsync(HttpContext context)
    {
        if (await TokenRequest.ReadAsync(context, "refresh") is not { } request)
            return;
        var receipt = await context.RequestServices.GetRequiredService<SessionTokens>()
            .EndAsync(request["refresh"], SessionEndReason.LoggedOut, Presenter(context), context.RequestAborted);
        await (receipt is null ? TokenAnswers.TokenNotValidAsync(context) : TokenAnswers.EmptyAsync(context));
    }

    /// <summary>Whoever presents a refresh token: nobody has proven who that is.</summary>
    private static SessionActor Presenter(HttpContext context) => context.RequestServices.GetRequiredService<ClientAddress>().Actor(context, actor: null);

    public static string? UserAgent(HttpContext context) => StringValues.IsNullOrEmpty(context.Request.Headers.UserAgent) ? null : context.Request.Headers.UserAgent.ToString();
}
