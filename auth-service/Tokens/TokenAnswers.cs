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

    private static readonly byte[] EmptyBody = "{}"u8.ToArray();

    public static Task PairAsync(HttpContext context, SessionTokenPair tokens) =>
        WriteAsync(context, StatusCodes.Status200OK, JsonSerializer.SerializeToUtf8Bytes(new { access = tokens.Access.Token, refresh = tokens.Refresh }));

    public static Task EmptyAsync(HttpContext context) => WriteAsync(context, StatusCodes.Status200OK, EmptyBody);

    public static Task NoActiveAccountAsync(HttpContext context) => UnauthorizedAsync(context, "no_active_account", NoActiveAccountBody);

    public static Task TokenNotValidAsync(HttpContext context) => UnauthorizedAsync(context, "token_not_valid", TokenNotValidBody);

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
