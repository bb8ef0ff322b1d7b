using AuthService.Audit;
using AuthService.OAuth.Clients;
using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.Tokens;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.OAuth;

/// <summary><c>POST /connect/revocation</c> (RFC 7009): a client gives a token back. An access token dies, a refresh token ends
/// its session, at every gateway that acknowledges before the answer.</summary>
internal static class RevocationEndpoint
{
    public static IEndpointRouteBuilder MapRevocationEndpoint(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost(OAuthPaths.Revocation, AnswerAsync);
        return endpoints;
    }

    private static async Task AnswerAsync(HttpContext context)
    {
        if (await RevokeAsync(context) is { } refusal)
        {
            await OAuthAnswers.RefuseAsync(context, refusal);
            return;
        }

        // RFC 7009 section 2.2: a token that is no token (any more) is answered the same; the client wanted it gone.
        context.Response.Headers.CacheControl = "no-store";
        context.Response.ContentLength = 0;
    }

    private static async Task<OAuthRefusal?> RevokeAsync(HttpContext context)
    {
        var services = context.RequestServices;
        var (form, malformed) = await FormParameters.ReadAsync(context);
        if (form is null) return malformed;
        var (client, unproven) = await services.GetRequiredService<ClientAuthentication>().AuthenticateAsync(context, form);
        if (client is null) return unproven;
        // token_type_hint is a hint: which kind of token it is, the token says itself.
        return form["token"] is { } token
            ? await services.GetRequiredService<TokenRevocation>().RevokeAsync(context, client, token)
            : OAuthRefusal.InvalidRequest("token is required.");
    }
}

/// <summary>Revokes single tokens for the clients that they were issued to.</summary>
internal sealed class TokenRevocation(
    AccessTokenVerifier accessTokens, RefreshTokens refreshTokens, SessionTokens sessions, RevocationService revocation, IDbContextFactory<UsersDbContext> databases,
    AuditLog audit, ClientAddress addresses, SessionPolicy policy, IOptions<AuthServiceOptions> options)
{
    /// <summary>RFC 7009 section 2.1.</summary>
    private static readonly OAuthRefusal Foreign = OAuthRefusal.InvalidGrant("The token was issued to another client.");

    /// <exception cref="RedisUnavailableException">Redis is away; nothing was changed.</exception>
    public Task<OAuthRefusal?> RevokeAsync(HttpContext context, ClientState client, string token) => token.StartsWith(RefreshTokenCodec.Prefix, StringComparison.Ordinal)
        ? EndSessionAsync(context, client, token)
        : RevokeAccessTokenAsync(client, token, context.RequestAborted);

    private async Task<OAuthRefusal?> EndSessionAsync(HttpContext context, ClientState client, string text)
    {
        if (await refreshTokens.ReadAsync(text) is not { } token) return null;
        if (token.ClientId != client.Client.ClientId) return Foreign;
        revocation.EnsureAvailable();
        var by = addresses.Actor(context, client.IsConfidential ? client.Client.ClientId : null);
        await sessions.EndAsync(token.Sid, token.UserId, token.ClientId, token.SessionExpiresMs, SessionEndReason.TokenRevoked, by, context.RequestAborted);
        return null;
    }

    private async Task<OAuthRefusal?> RevokeAccessTokenAsync(ClientState client, string text, CancellationToken cancellationToken)
    {
        var reading = accessTokens.Verify(text, anyAudience: true);
        if (reading.Refusal == AccessTokenReading.RevocationUnknown) throw new RedisUnavailableException("It is not known now what is revoked.");
        if (reading.Token is not { } token) return null;
        if (token.ClientId != client.Client.ClientId) return Foreign;
        revocation.EnsureAvailable();
        var settings = options.Value;
        var expires = token.ExpiresAt + (policy.LongestTokenLife - settings.AccessTokenLifetime);
        await using (var database = await databases.CreateDbContextAsync(cancellationToken))
        {
            RevocationService.Stage(database, new RevocationEntry(settings.Issuer, RevocationKind.Jti, token.Jti, 0, null, expires.ToUnixTimeMilliseconds()));
            audit.Stage(database, new AuditRecord(AuditTypes.TokenRevoked, client.IsConfidential ? client.Client.ClientId : null, token.Subject, token.ClientId, token.Sid));
            await database.SaveChangesAsync(cancellationToken);
        }

        // It has happened: the client going away must not keep it from being published.
        await revocation.PublishStagedAsync(CancellationToken.None);
        return null;
    }
}
