using Microsoft.Extensions.Options;

namespace AuthService.OAuth;

/// <summary>
/// A cookie that tells one browser from another before anybody has signed in. It says nothing about its user.
/// </summary>
internal sealed class BrowserBinding(IOptions<AuthServiceOptions> options)
{
    public const string CookieName = "gwid_browser";

    private readonly bool _secure = options.Value.Issuer.StartsWith("https:", StringComparison.Ordinal);

    /// <summary>What this browser is known by; null if it has not been given anything, or forgot it.</summary>
    public static string? Read(HttpContext context) => OneTimeValue.Hash(context.Request.Cookies[CookieName]);

    /// <summary>The same; a browser that has nothing is given something with this answer.</summary>
    public string Ensure(HttpContext context)
    {
        // Kept while it lasts: several tabs may be signing in at one time.
        if (Read(context) is { } known) return known;
        var value = OneTimeValue.Create();
        // Lax: a client's request comes from another site, as a top-level navigation.
        context.Response.Cookies.Append(
            CookieName, value, new CookieOptions { Path = OAuthPaths.Root, HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = _secure, IsEssential = true });
        return OneTimeValue.Hash(value)!;
    }
}
