using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using AuthService.OAuth;
using AuthService.Revocation;
using AuthService.Users;
using Microsoft.Extensions.Options;

namespace AuthService.SignIn;

/// <summary>
/// The cookie of a signed-in browser: 256 random bits, of which the database has the SHA-256. A sign-in always makes a new
/// one, so that a value planted in a browser before is worth nothing.
/// </summary>
internal sealed class SignInCookie(BrowserSignIns signIns, IOptions<AuthServiceOptions> options)
{
    public const string Name = "gwid_signin";

    private const int SecretLength = 32;
    private static readonly int TextLength = Base64Url.GetEncodedLength(SecretLength);

    /// <summary>Who is signed in with the browser that sent this request; null for nobody, or not any more.</summary>
    public async Task<BrowserSignIn?> ReadAsync(HttpContext context, CancellationToken cancellationToken) =>
        Id(context) is { } id ? await signIns.ReadAsync(id, cancellationToken) : null;

    /// <summary>Signs the browser in, instead of whoever was.</summary>
    /// <param name="account">As read when the person proved who they are; a later password change voids the sign-in.</param>
    /// <param name="authTimeSeconds">When that was, Unix seconds.</param>
    /// <param name="amr">See <see cref="BrowserSignIn"/>.</param>
    public async Task<BrowserSignIn> CreateAsync(
        HttpContext context, AccountState account, long authTimeSeconds, IReadOnlyList<string> amr, CancellationToken cancellationToken)
    {
        var secret = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretLength));
        var signIn = await signIns.StartAsync(Id(secret), account, authTimeSeconds, amr, Id(context), cancellationToken);
        context.Response.Cookies.Append(Name, secret, Attributes(context, options.Value));
        return signIn;
    }

    /// <summary>Remembers that a session was started from a sign-in, see <see cref="BrowserSignIns.LinkSessionAsync"/>.</summary>
    public Task<bool> LinkSessionAsync(string signInId, string sid, long expiresMs, CancellationToken cancellationToken) =>
        signIns.LinkSessionAsync(signInId, sid, expiresMs, cancellationToken);

    /// <summary>Signs the browser out: its cookie and every session that was started from it.</summary>
    /// <param name="actor">The <c>sub</c> of the person, or the client that asked for it.</param>
    public async Task<RevocationReceipt> EndAsync(HttpContext context, string? actor, CancellationToken cancellationToken)
    {
        var receipt = Id(context) is { } id ? await signIns.EndAsync(id, actor, cancellationToken) : new RevocationReceipt(0, 0, 0, Durable: true);
        context.Response.Cookies.Delete(Name, Attributes(context, options.Value));
        return receipt;
    }

    /// <summary>
    /// The attributes of every cookie of the pages. Ends with the browser; how long it is good is not the browser's
    /// business. <c>Secure</c> where the public address is https, or the request came in so.
    /// </summary>
    public static CookieOptions Attributes(HttpContext context, AuthServiceOptions options) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
        Secure = options.Issuer.StartsWith("https:", StringComparison.Ordinal) || context.Request.IsHttps
            || string.Equals(context.Request.Headers["X-Forwarded-Proto"], "https", StringComparison.OrdinalIgnoreCase),
        Path = OAuthPaths.Root,
        IsEssential = true,
    };

    /// <summary>The secret itself, to bind a form to; empty for a browser that has none.</summary>
    public static string Value(HttpContext context) => context.Request.Cookies[Name] ?? "";

    /// <summary>Id of the sign-in that the request's cookie stands for, whether or not there is one.</summary>
    private static string? Id(HttpContext context) => context.Request.Cookies[Name] is { } secret && secret.Length == TextLength ? Id(secret) : null;

    private static string Id(string secret) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
}
