using AuthService.SigningKeys;
using Microsoft.Extensions.Primitives;
using ServiceHosting;

namespace AuthService.Tokens;

/// <summary>Endpoints that need an access token of this service (RFC 6750), verified here whatever the gateway did.</summary>
internal static class BearerAuthentication
{
    private const string Scheme = "Bearer";

    /// <summary>Lets only requests of a signed-in user through; the endpoint takes the token from <see cref="Caller"/>.</summary>
    public static TBuilder RequireUser<TBuilder>(this TBuilder builder) where TBuilder : IEndpointConventionBuilder =>
        builder.AddEndpointFilter(async (invocation, next) =>
        {
            var context = invocation.HttpContext;
            return await AuthenticateAsync(context) ? await next(invocation) : Results.Empty;
        });

    /// <summary>The verified token of a request that passed <see cref="RequireUser{TBuilder}"/>.</summary>
    public static OwnAccessToken Caller(this HttpContext context) =>
        context.Features.Get<OwnAccessToken>() ?? throw new InvalidOperationException("The endpoint does not require a user.");

    /// <summary>Answers and returns false unless the request carries a user's valid token.</summary>
    private static async Task<bool> AuthenticateAsync(HttpContext context)
    {
        var header = context.Request.Headers.Authorization;
        if (header.Count > 1)
            return await RefuseAsync(context, StatusCodes.Status400BadRequest, "request_malformed", "There is more than one Authorization header.", null);
        if (Credentials(header) is not { } text)
            return await RefuseAsync(context, StatusCodes.Status401Unauthorized, "token_missing", "This needs an access token.", "Bearer realm=\"gateway\"");

        var verifier = context.RequestServices.GetRequiredService<AccessTokenVerifier>();
        var reading = verifier.Verify(text);
        if (reading.Refusal == AccessTokenReading.BadSignature && AccessTokenVerifier.KeyIdOf(text) is { } kid
            && await context.RequestServices.GetRequiredService<SigningKeyStore>().FindAsync(kid, context.RequestAborted))
            reading = verifier.Verify(text);
        switch (reading)
        {
            case { Token.UserId: not null }:
                context.Features.Set(reading.Token);
                return true;
            case { Token: not null }:
                return await RefuseAsync(context, StatusCodes.Status403Forbidden, "user_required", "This is for users; the token is a service's.", null);
            case { Refusal: AccessTokenReading.RevocationUnknown }:
                context.Response.Headers.RetryAfter = "2";
                return await RefuseAsync(
                    context, StatusCodes.Status503ServiceUnavailable, AccessTokenReading.RevocationUnknown, "It is not known now whether the token is revoked. Try again shortly.", null);
            default:
                var detail = Describe(reading.Refusal!);
                // RFC 6750 section 3.1.
                return await RefuseAsync(
                    context, StatusCodes.Status401Unauthorized, reading.Refusal!, detail, $"Bearer error=\"invalid_token\", error_description=\"{detail}\"");
        }
    }

    /// <summary>Another scheme counts as no token, and so does a scheme with nothing behind it.</summary>
    private static string? Credentials(StringValues header)
    {
        var value = header.ToString();
        var space = value.IndexOf(' ', StringComparison.Ordinal);
        if (space < 0 || !value.AsSpan(0, space).Equals(Scheme, StringComparison.OrdinalIgnoreCase))
            return null;
        var text = value[(space + 1)..].Trim(' ');
        return text.Length == 0 ? null : text;
    }

    private static async Task<bool> RefuseAsync(HttpContext context, int status, string code, string detail, string? challenge)
    {
        if (challenge is not null)
            context.Response.Headers.WWWAuthenticate = challenge;
        await ProblemBody.WriteAsync(context, status, code, detail, context.RequestAborted);
        return false;
    }

    private static string Describe(string refusal) => refusal switch
    {
        AccessTokenReading.Malformed => "The token is malformed.",
        AccessTokenReading.BadSignature => "The signature of the token is invalid.",
        AccessTokenReading.WrongIssuer => "The token is of another issuer.",
        AccessTokenReading.WrongAudience => "The token is for another audience.",
        AccessTokenReading.WrongType => "The token is not an access token.",
        AccessTokenReading.NotYetValid => "The token is not valid yet.",
        AccessTokenReading.Expired => "The token has expired.",
        AccessTokenReading.Revoked => "The token was revoked.",
        _ => "The token is invalid.",
    };
}
