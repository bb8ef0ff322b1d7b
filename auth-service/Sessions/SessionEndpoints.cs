using AuthService.Audit;
using AuthService.Revocation;
using AuthService.Tokens;
using AuthService.Users;
using ServiceHosting;

namespace AuthService.Sessions;

/// <summary>A user's own sessions: log out, list, end one, end all.</summary>
internal static class SessionEndpoints
{
    public static IEndpointRouteBuilder MapSessionEndpoints(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost("/api/logout", LogOutAsync).RequireUser();
        endpoints.MapGet("/api/sessions", ListAsync).RequireUser();
        endpoints.MapDelete("/api/sessions", EndAllAsync).RequireUser();
        endpoints.MapDelete("/api/sessions/{sid}", EndOneAsync).RequireUser();
        return endpoints;
    }

    private static async Task<IResult> LogOutAsync(HttpContext context, SessionTokens tokens, ClientAddress address)
    {
        var caller = context.Caller();
        return Receipt(context, await tokens.EndAsync(
            caller.Sid!, caller.UserId!.Value, caller.ClientId, expiresMs: null, SessionEndReason.LoggedOut, address.Actor(context, caller.Subject), context.RequestAborted));
    }

    private static async Task<IResult> ListAsync(HttpContext context, SessionStore sessions, AccountReader accounts)
    {
        var caller = context.Caller();
        if (await accounts.ReadAsync(caller.UserId!.Value, caller.ClientId, caller.Sid, context.RequestAborted) is not { } account)
            return NotFound();
        context.Response.Headers.CacheControl = "no-store";
        var live = await sessions.ListAsync(account.Id, account.SessionEpoch, context.RequestAborted);
        return Results.Json(live.Select(session => new Dictionary<string, object?>
        {
            ["sid"] = session.Sid,
            ["client_id"] = session.ClientId,
            ["created_at"] = session.CreatedAt,
            ["last_seen_at"] = session.LastSeenAt,
            ["expires_at"] = session.ExpiresAt,
            ["ip"] = session.Address,
            ["user_agent"] = session.UserAgent,
            ["current"] = session.Sid == caller.Sid,
        }));
    }

    private static async Task<IResult> EndOneAsync(string sid, HttpContext context, SessionTokens tokens, SessionStore sessions, ClientAddress address)
    {
        var caller = context.Caller();
        // The caller's own session is known from the token, even if Redis has lost it.
        var clientId = sid == caller.Sid
            ? caller.ClientId
            : SessionKeys.IsSid(sid) ? (await sessions.FindAsync(sid, caller.UserId!.Value, context.RequestAborted))?.ClientId : null;
        if (clientId is null)
            return NotFound();
        return Receipt(context, await tokens.EndAsync(
            sid, caller.UserId!.Value, clientId, expiresMs: null, SessionEndReason.EndedByUser, address.Actor(context, caller.Subject), context.RequestAborted));
    }

    private static async Task<IResult> EndAllAsync(string? except, HttpContext context, UserSessions sessions, ClientAddress address)
    {
        if (except is not (null or "current"))
            return new ProblemResult(StatusCodes.Status400BadRequest, "request_invalid", "The only value of 'except' is 'current'.");
        var caller = context.Caller();
        var receipt = await sessions.EndAllAsync(
            caller.UserId!.Value, except is null ? null : caller.Sid, AuditTypes.SessionsEnded, address.Actor(context, caller.Subject), context.RequestAborted);
        return receipt is null ? NotFound() : Receipt(context, receipt);
    }

    /// <summary>The answer of everything that revokes.</summary>
    internal static IResult Receipt(HttpContext context, RevocationReceipt receipt)
    {
        context.Response.Headers.CacheControl = "no-store";
        return Results.Json(new { revoked = receipt.Revoked, gateways = receipt.Gateways, acknowledged = receipt.Acknowledged, durable = receipt.Durable });
    }

    private static ProblemResult NotFound() => new(StatusCodes.Status404NotFound, "not_found", "There is no such session of this user.");

    private sealed class ProblemResult(int status, string code, string detail) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => ProblemBody.WriteAsync(httpContext, status, code, detail, httpContext.RequestAborted);
    }
}
