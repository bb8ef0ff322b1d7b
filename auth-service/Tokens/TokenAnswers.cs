using System.Text.Json;
using AuthService.Sessions;
using ServiceHosting;

namespace AuthService.Tokens;

/// <summary>The answers of the JSON token API, byte for byte. None may be cached (RFC 6749 section 5.1).</summary>
internal static class TokenAnswers
{
    private static readonly byte[] NoActiveAccountBody =
        """{"detail":"No active account found with the given credentials","code":"no_active_account"}"""u8.ToArray();

    private static readonly byte[] TokenNotValidBody = """{"detail":"Token is invalid or expired","code":"token_not_valid"}"""u8.ToArray();

    private static readonly byte[] TicketNotValidBody =
        """{"detail":"The ticket is invalid, expired or used up. Sign in again.","code":"ticket_not_valid"}"""u8.ToArray();

    private static readonly byte[] CodeNotValidBody = """{"detail":"The code is wrong, too old, or was used before.","code":"code_not_valid"}"""u8.ToArray();

    private static readonly byte[] EmptyBody = "{}"u8.ToArray();

    public static Task PairAsync(HttpContext context, SessionTokenPair tokens) =>
        WriteAsync(context, StatusCodes.Status200OK, JsonSerializer.SerializeToUtf8Bytes(new { access = tokens.Access.Token, refresh = tokens.Refresh }));

    public static Task EmptyAsync(HttpContext context) => WriteAsync(context, StatusCodes.Status200OK, EmptyBody);

    public static Task NoActiveAccountAsync(HttpContext context) => UnauthorizedAsync(context, "no_active_account", NoActiveAccountBody);

    public static Task TokenNotValidAsync(HttpContext context) => UnauthorizedAsync(context, "token_not_valid", TokenNotValidBody);

    /// <summary>The password was right; the ticket and a code of the second factor go to <c>/api/token/mfa</c>. No 200: a client
    /// that does not know of second factors must not take it for a pair of tokens.</summary>
    public static Task SecondFactorRequiredAsync(HttpContext context, string ticket, TimeSpan life) => UnauthorizedAsync(
        context, "mfa_required", JsonSerializer.SerializeToUtf8Bytes(
            new { detail = "A code of the second factor is required.", code = "mfa_required", ticket, expires_in = (int)life.TotalSeconds }));

    public static Task TicketNotValidAsync(HttpContext context) => UnauthorizedAsync(context, "ticket_not_valid", TicketNotValidBody);

    public static Task CodeNotValidAsync(HttpContext context) => UnauthorizedAsync(context, "code_not_valid", CodeNotValidBody);

    public static Task MethodNotAllowedAsync(HttpContext context)
    {
        RequestReason.Set(context, "method_not_allowed");
        context.Response.Headers.Allow = HttpMethods.Post;
        return WriteAsync(context, StatusCodes.Status405MethodNotAllowed, """{"detail":"Method not allowed."}"""u8.ToArray());
    }

    public static async Task WriteAsync(HttpContext context, int status, byte[] body)
    {
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = "application/json";
        response.ContentLength = body.Length;
        response.Headers.CacheControl = "no-store";
        if (!HttpMethods.IsHead(context.Request.Method))
            await response.Body.WriteAsync(body, context.RequestAborted);
    }

    private static Task UnauthorizedAsync(HttpContext context, string code, byte[] body)
    {
        RequestReason.Set(context, code);
        context.Response.Headers.WWWAuthenticate = "Bearer realm=\"gateway\"";
        return WriteAsync(context, StatusCodes.Status401Unauthorized, body);
    }
}
