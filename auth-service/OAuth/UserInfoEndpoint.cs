using AuthService.Tokens;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using ServiceHosting;

namespace AuthService.OAuth;

/// <summary><c>/connect/userinfo</c> (OpenID Connect Core section 5.3): what the token's scopes let a client know of the user.</summary>
internal static class UserInfoEndpoint
{
    /// <summary>What stands in <c>claims_supported</c>.</summary>
    public static readonly string[] Claims = ["sub", "name", "preferred_username", "email", "email_verified"];

    public static IEndpointRouteBuilder MapUserInfoEndpoint(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapMethods(OAuthPaths.UserInfo, [HttpMethods.Get, HttpMethods.Post], DescribeAsync).RequireUser();
        return endpoints;
    }

    private static async Task<IResult> DescribeAsync(HttpContext context, IDbContextFactory<UsersDbContext> databases, CancellationToken cancellationToken)
    {
        var caller = context.Caller();
        if (!Scopes.Has(caller.Scope, Scopes.OpenId))
        {
            // RFC 6750 section 3.1.
            context.Response.Headers.WWWAuthenticate = "Bearer error=\"insufficient_scope\", scope=\"openid\"";
            return new Problem(StatusCodes.Status403Forbidden, "insufficient_scope", "The token lacks the scope openid.");
        }

        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        if (await database.Users.AsNoTracking().SingleOrDefaultAsync(user => user.Id == caller.UserId, cancellationToken) is not { Disabled: false } user)
        {
            context.Response.Headers.WWWAuthenticate = "Bearer error=\"invalid_token\", error_description=\"The user is gone.\"";
            return new Problem(StatusCodes.Status401Unauthorized, "token_revoked", "The user is gone.");
        }

        context.Response.Headers.CacheControl = "no-store";
        return Results.Json(Describe(user, caller.Scope));
    }

    private static Dictionary<string, object> Describe(User user, string scope)
    {
        var claims = new Dictionary<string, object> { ["sub"] = user.Id.ToString("D") };
        if (Scopes.Has(scope, Scopes.Profile))
        {
            claims["name"] = user.DisplayName ?? user.UserName!;
            claims["preferred_username"] = user.UserName!;
        }

        if (Scopes.Has(scope, Scopes.Email) && user.Email is not null)
        {
            claims["email"] = user.Email;
            claims["email_verified"] = user.EmailConfirmed;
        }

        return claims;
    }

    private sealed class Problem(int status, string code, string detail) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => ProblemBody.WriteAsync(httpContext, status, code, detail, httpContext.RequestAborted);
    }
}
