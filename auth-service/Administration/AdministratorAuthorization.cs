using AuthService.Sessions;
using AuthService.Tokens;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using ServiceHosting;

namespace AuthService.Administration;

/// <summary>Who may use <c>/api/admin</c>: users with the role <c>admin</c>, through one of the operator's own clients.</summary>
internal static class AdministratorAuthorization
{
    /// <summary>Lets only administrators through, and answers what the services refuse.</summary>
    /// <remarks>A token that an administrator gave to somebody else's application, or that a service got in exchange,
    /// carries the administrator's role too; its client is not the operator's own, and it administers nothing.</remarks>
    public static RouteGroupBuilder RequireAdministrator(this RouteGroupBuilder group)
    {
        group.RequireUser();
        group.AddEndpointFilter(async (invocation, next) =>
        {
            var context = invocation.HttpContext;
            context.Response.Headers.CacheControl = "no-store";
            try
            {
                await EnsureAdministratorAsync(context);
                return await next(invocation);
            }
            catch (RefusedException refusal)
            {
                return new RefusalResult(refusal);
            }
        });
        return group;
    }

    /// <summary>The administrator of a request, for audit events.</summary>
    public static SessionActor Administrator(this HttpContext context) =>
        context.RequestServices.GetRequiredService<ClientAddress>().Actor(context, context.Caller().Subject);

    private static async Task EnsureAdministratorAsync(HttpContext context)
    {
        var caller = context.Caller();
        if (!caller.Roles.Contains(Role.Admin)) throw Forbidden(context, "This is for administrators.");
        await using var database = await context.RequestServices.GetRequiredService<IDbContextFactory<UsersDbContext>>().CreateDbContextAsync(context.RequestAborted);
        if (!await database.Clients.AnyAsync(client => client.ClientId == caller.ClientId && client.FirstParty && !client.Disabled, context.RequestAborted))
            throw Forbidden(context, "Administration needs a token of one of the operator's own clients.");
    }

    private static RefusedException Forbidden(HttpContext context, string detail)
    {
        // RFC 6750 section 3.1.
        context.Response.Headers.WWWAuthenticate = "Bearer error=\"insufficient_scope\"";
        return new RefusedException(StatusCodes.Status403Forbidden, "insufficient_scope", detail);
    }

    private sealed class RefusalResult(RefusedException refusal) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => refusal.Errors is { } errors
            ? UserRequest.RefuseAsync(httpContext, errors)
            : ProblemBody.WriteAsync(httpContext, refusal.Status, refusal.Code, refusal.Message, httpContext.RequestAborted);
    }
}
