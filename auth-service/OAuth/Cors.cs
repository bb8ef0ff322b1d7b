using AuthService.OAuth.Authorization;
using AuthService.OAuth.Clients;
using AuthService.Tokens;
using AuthService.Users;

namespace AuthService.OAuth;

/// <summary>
/// Lets pages of registered clients read what they ask for themselves: documents, tokens, user info, and revocation, errors
/// too. Never with credentials: a client's page sends what it has, the browser adds no cookies of ours. Authorization and
/// logout are navigations, and introspection is between servers: no page of another origin reads those.
/// </summary>
internal static class Cors
{
    private const string MaxAgeSeconds = "600";

    private static readonly string[] Documents = [Metadata.Jwks, Metadata.OpenId, Metadata.OAuth];
    private static readonly string[] Forms = [OAuthPaths.Token, OAuthPaths.Revocation];

    /// <summary>Goes before everything that answers: a failure is to be readable too.</summary>
    public static void UseOAuthCors(this WebApplication app) => app.Use(async (context, next) =>
    {
        if (Methods(context.Request.Path) is not { } methods)
        {
            await next(context);
            return;
        }

        // The answer depends on it, whether or not it is there: caches must know.
        var allowed = context.Request.Headers.Origin is [{ } origin] && await IsAllowedAsync(context, origin) ? origin : null;
        context.Response.OnStarting(() =>
        {
            context.Response.Headers.Append("Vary", "Origin");
            if (allowed is null) return Task.CompletedTask;
            context.Response.Headers.AccessControlAllowOrigin = allowed;
            context.Response.Headers.AccessControlExposeHeaders = "WWW-Authenticate, Retry-After";
            return Task.CompletedTask;
        });
        if (!HttpMethods.IsOptions(context.Request.Method) || context.Request.Headers.AccessControlRequestMethod.Count == 0)
        {
            await next(context);
            return;
        }

        if (allowed is not null)
        {
            context.Response.Headers.AccessControlAllowMethods = methods;
            context.Response.Headers.AccessControlAllowHeaders = "Authorization, Content-Type";
            context.Response.Headers.AccessControlMaxAge = MaxAgeSeconds;
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    });

    private static string? Methods(PathString path) =>
        Documents.Contains(path.Value) ? "GET" : Forms.Contains(path.Value) ? "POST" : path == OAuthPaths.UserInfo ? "GET, POST" : null;

    private static async Task<bool> IsAllowedAsync(HttpContext context, string origin)
    {
        try
        {
            var origins = (await context.RequestServices.GetRequiredService<RegisteredClients>().ReadAsync(context.RequestAborted)).Origins;
            return RedirectUris.IsLoopbackOrigin(origin) ? origins.Contains(RedirectUris.Loopback) : origins.Contains(origin);
        }
        catch (Exception e) when (UsersDatabaseFaults.IsAway(e))
        {
            // What is asked for may work without the database; only the page will not read it.
            return false;
        }
    }
}
