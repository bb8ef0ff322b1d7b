using Microsoft.Extensions.Options;

namespace AuthService.OAuth;

/// <summary>
/// A cookie that tells one browser from another before anybody has signed in. It says nothing about its user. It is set
/// for each path that needs it, so that no other page of the host gets it.
/// </summary>
internal sealed class BrowserBinding(IOptions<AuthServiceOptions> options)
{
    public const string CookieName = "gwid_browser";

    /// <summary>Where tickets are opened.</summary>
    internal static readonly string[] Paths =
        [OAuthPaths.Authorize, OAuthPaths.Logout, OAuthPaths.SignInPage, OAuthPaths.ConsentPage, OAuthPaths.SignOutPage];

    private readonly bool _secure = options.Value.Issuer.StartsWith("https:", StringComparison.Ordinal);

    /// <summary>What this browser is known by; null if it has not been given anything, or forgot it.</summary>
    public static string? Read(HttpContext context) => OneTimeValue.Hash(context.Request.Cookies[CookieName]);

    /// <summary>The same; a browser that has nothing is given something with this answer.</summary>
    public string Ensure(HttpContext context)
    {
        // Kept while it lasts: several tabs may be signing in at one time.
        if (Read(context) is { } known) return known;
        var value = OneTimeValue.Create();
        foreach (var path in Paths)
        {
            // Lax: a client's request comes from another site, as a top-level navigation.
            context.Response.Cookies.Append(
                CookieName, value, new CookieOptions { Path = path, HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = _secure, IsEssential = true });
        }

        return OneTimeValue.Hash(value)!;
    }
}
