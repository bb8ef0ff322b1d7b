using System.Security.Claims;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ForwardedIdentity;

/// <summary>
/// JwtBearer over the gateway's header: before it runs, the key that the token names is fetched if it is new; after it,
/// the token is kept for the handlers that pass it on.
/// </summary>
internal sealed class ForwardedIdentityHandler(
    IOptionsMonitor<JwtBearerOptions> options, ILoggerFactory loggers, UrlEncoder encoder, IOptionsMonitor<ForwardedIdentityOptions> settings, IdentityKeys keys)
    : JwtBearerHandler(options, loggers, encoder)
{
    private const int RetryAfterSeconds = 2;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var header = Request.Headers[ForwardedIdentityDefaults.HeaderName];
        if (header.Count == 0) return FromHeaders();
        if (header is not [{ Length: > 0 and <= IdentityTokens.MaxLength } token] || IdentityTokens.Kid(token) is not { } kid)
            return AuthenticateResult.Fail("The identity token is malformed.");
        try
        {
            await keys.PrepareAsync(kid, Context.RequestAborted);
        }
        catch (IdentityKeysUnavailableException e)
        {
            return AuthenticateResult.Fail(e);
        }

        var result = await base.HandleAuthenticateAsync();
        if (!result.Succeeded) return result;
        if (string.IsNullOrEmpty(result.Principal.FindFirstValue(ForwardedClaims.Subject))) return AuthenticateResult.Fail("The identity token has no subject.");
        Context.Features.Set(new ReceivedIdentityToken(token));
        return result;
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var failure = (await HandleAuthenticateOnceSafeAsync()).Failure;
        if (failure is IdentityKeysUnavailableException)
        {
            Response.Headers.RetryAfter = $"{RetryAfterSeconds}";
            await RefuseAsync(StatusCodes.Status503ServiceUnavailable, "Service Unavailable", "identity_unavailable", "Callers cannot be verified now. Try again shortly.");
            return;
        }

        // RFC 9110 section 15.5.2: a 401 names a challenge. Clients prove who they are to the gateway.
        Response.Headers.WWWAuthenticate = "Bearer";
        await (failure is null
            ? RefuseAsync(StatusCodes.Status401Unauthorized, "Unauthorized", "identity_missing", "This resource takes requests of signed-in callers, from the gateway only.")
            : RefuseAsync(StatusCodes.Status401Unauthorized, "Unauthorized", "identity_invalid", "The caller's identity is not one that the gateway gave."));
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        RefuseAsync(StatusCodes.Status403Forbidden, "Forbidden", "insufficient_scope", "The caller lacks the role or scope that this resource needs.");

    private AuthenticateResult FromHeaders()
    {
        if (!ForwardedHeaders.IsTrusted(settings.CurrentValue.TrustedNetworks, Context.Connection.RemoteIpAddress)) return AuthenticateResult.NoResult();
        if (!ForwardedHeaders.TryRead(Request.Headers, out var claims)) return AuthenticateResult.Fail("An identity header is malformed.");
        if (claims.Count == 0) return AuthenticateResult.NoResult();
        var identity = new ClaimsIdentity(claims, Scheme.Name, ForwardedClaims.Name, ForwardedClaims.Roles);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme.Name));
    }

    /// <summary>A problem (RFC 9457) with a stable code.</summary>
    private Task RefuseAsync(int status, string title, string code, string detail)
    {
        Response.StatusCode = status;
        Response.ContentType = "application/problem+json";
        Response.Headers.CacheControl = "no-store";
        var body = JsonSerializer.SerializeToUtf8Bytes(new { type = "about:blank", title, status, detail, code });
        Response.ContentLength = body.Length;
        return HttpMethods.IsHead(Request.Method) ? Task.CompletedTask : Response.Body.WriteAsync(body, Context.RequestAborted).AsTask();
    }
}

/// <summary>The identity token of this request, verified.</summary>
internal sealed record ReceivedIdentityToken(string Token)
{
    /// <summary>Without the token, which a record would print.</summary>
    public override string ToString() => "[redacted]";
}
