using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using AuthService.OAuth;
using AuthService.SignIn;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.Extensions.Options;
using ServiceHosting;

namespace AuthService.Pages;

/// <summary>
/// Proves that a form was sent by one of our own pages, in the place of ASP.NET Core's antiforgery, whose keys every
/// replica would have to share. Two independent proofs: the browser's own word (<c>Sec-Fetch-Site</c>, <c>Origin</c>), and
/// a field that only a page could have been given: a MAC, under the secret of the browser's cookie, of the sign-in it was
/// made for. It ends with either, and needs no state and no key of the service's.
/// </summary>
internal sealed class FormTokens(BrowserBinding browsers, IOptions<AuthServiceOptions> options) : IAntiforgery
{
    private const string Field = "form_token";

    public AntiforgeryTokenSet GetAndStoreTokens(HttpContext httpContext) =>
        new(Token(browsers.Secret(httpContext), httpContext), cookieToken: null, Field, headerName: null);

    public AntiforgeryTokenSet GetTokens(HttpContext httpContext) => GetAndStoreTokens(httpContext);

    public void SetCookieTokenAndHeader(HttpContext httpContext) => browsers.Ensure(httpContext);

    public async Task<bool> IsRequestValidAsync(HttpContext httpContext)
    {
        if (!IsSameOrigin(httpContext.Request)) return false;
        if (!MediaTypes.IsForm(httpContext.Request.ContentType) || BrowserBinding.ReadSecret(httpContext) is not { } secret) return false;
        var form = await httpContext.Request.ReadFormAsync(httpContext.RequestAborted);
        return form[Field] is [{ } token]
            && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(token), Encoding.UTF8.GetBytes(Token(secret, httpContext)));
    }

    public async Task ValidateRequestAsync(HttpContext httpContext)
    {
        if (!await IsRequestValidAsync(httpContext)) throw new FormRefusedException();
    }

    /// <summary>
    /// What the browser says of where the request comes from; no page can forge either header. A client that sends neither
    /// is no browser, and holds no cookie that it was not given. (<c>Origin: null</c> is a page without an origin, or one
    /// that hides it: not ours, see <see cref="PageHeaders"/>.)
    /// </summary>
    private bool IsSameOrigin(HttpRequest request)
    {
        if (request.Headers["Sec-Fetch-Site"] is [{ } site] && site is not ("same-origin" or "none")) return false;
        if (request.Headers.Origin is not [{ } origin]) return request.Headers.Origin.Count == 0;
        return origin == options.Value.Issuer || origin == PublicOrigin(request);
    }

    /// <summary>The origin that this request was sent to, as the gateway saw it: it may have more addresses than the issuer.</summary>
    private static string PublicOrigin(HttpRequest request) =>
        $"{First(request, "X-Forwarded-Proto") ?? request.Scheme}://{First(request, "X-Forwarded-Host") ?? request.Host.Value}";

    private static string? First(HttpRequest request, string header) => request.Headers[header] is [{ Length: > 0 } value] ? value : null;

    private static string Token(string secret, HttpContext context) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.ASCII.GetBytes(secret), Encoding.UTF8.GetBytes($"form {SignInCookie.Value(context)}")));
}

/// <summary>A form that no page of ours made for this browser, or one that was made before a sign-in or sign-out.</summary>
internal sealed class FormRefusedException() : Exception("The form was not made for this browser, or is out of date.");
