using AuthService.SignIn;
using Microsoft.Extensions.Options;

namespace AuthService.OAuth;

/// <summary>
/// A cookie that tells one browser from another before anybody has signed in. It says nothing about its user.
/// </summary>
internal sealed class BrowserBinding(IOptions<AuthServiceOptions> options)
{
    public const string CookieName = "gwid_browser";

    /// <summary>What this browser is known by; null if it has not been given anything, or forgot it.</summary>
    public static string? Read(HttpContext context) => OneTimeValue.Hash(ReadSecret(context));

    /// <summary>The same; a browser that has nothing is given something with this answer.</summary>
    public string Ensure(HttpContext context) => OneTimeValue.Hash(Secret(context))!;

    /// <summary>What this browser alone has; null if nothing.</summary>
    public static string? ReadSecret(HttpContext context) => context.Request.Cookies[CookieName] is { } value && OneTimeValue.Hash(value) is not null ? value : null;

    /// <summary>The same; a browser that has nothing is given something with this answer.</summary>
    public string Secret(HttpContext context)
    {
        // Kept while it lasts: several tabs may be signing in at one time. A page may ask more than once.
        if (ReadSecret(context) is { } known) return known;
        if (context.Features.Get<Given>() is { } given) return given.Value;
        var value = OneTimeValue.Create();
        context.Features.Set(new Given(value));
        // Lax: a client's request comes from another site, as a top-level navigation.
        context.Response.Cookies.Append(CookieName, value, SignInCookie.Attributes(context, options.Value));
        return value;
    }

    private sealed record Given(string Value);
}
