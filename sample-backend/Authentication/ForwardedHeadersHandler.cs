using System.Net;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using ServiceHosting;

namespace SampleBackend.Authentication;

/// <summary>Takes the caller's identity from the gateway's headers, from trusted networks only.</summary>
internal sealed class ForwardedHeadersHandler(IOptionsMonitor<ForwardedHeadersOptions> options, ILoggerFactory loggers, UrlEncoder encoder)
    : AuthenticationHandler<ForwardedHeadersOptions>(options, loggers, encoder)
{
    public const string SchemeName = "ForwardedHeaders";

    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(Authenticate());

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        // RFC 9110 section 15.5.2: a 401 names a challenge.
        Response.Headers.WWWAuthenticate = "Bearer realm=\"sample-backend\"";
        return RefuseAsync(StatusCodes.Status401Unauthorized, "identity_missing", "This resource takes requests of signed-in callers, from the gateway only.");
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        RefuseAsync(StatusCodes.Status403Forbidden, "insufficient_scope", "The caller lacks the role or scope that this resource needs.");

    private AuthenticateResult Authenticate()
    {
        if (!IsTrusted(Context.Connection.RemoteIpAddress)) return AuthenticateResult.NoResult();
        if (!IdentityClaims.TryRead(Request.Headers, out var claims)) return AuthenticateResult.Fail("An identity header is malformed.");
        if (claims.Count == 0) return AuthenticateResult.NoResult();

        var identity = new ClaimsIdentity(claims, SchemeName, IdentityClaims.Name, IdentityClaims.Roles);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }

    private bool IsTrusted(IPAddress? peer)
    {
        if (peer is null) return false;
        if (peer.IsIPv4MappedToIPv6) peer = peer.MapToIPv4();
        return Options.TrustedNetworks.Exists(network => IPNetwork.Parse(network).Contains(peer));
    }

    private Task RefuseAsync(int status, string code, string detail) =>
        ProblemBody.WriteAsync(Context, status, code, detail, Context.RequestAborted);
}

internal static class ForwardedHeadersExtensions
{
    /// <summary>Section <c>Identity</c>; see <see cref="ForwardedHeadersOptions"/>.</summary>
    public static IServiceCollection AddForwardedHeadersAuthentication(this IServiceCollection services)
    {
        services.AddSingleton<IValidateOptions<ForwardedHeadersOptions>, ForwardedHeadersOptionsValidator>();
        services.AddOptions<ForwardedHeadersOptions>(ForwardedHeadersHandler.SchemeName).BindConfiguration("Identity").ValidateOnStart();
        // The core alone: the full AddAuthentication brings data protection, whose keys nothing here uses.
        services.AddAuthenticationCore(authentication => authentication.DefaultScheme = ForwardedHeadersHandler.SchemeName);
        services.AddWebEncoders();
        new AuthenticationBuilder(services)
            .AddScheme<ForwardedHeadersOptions, ForwardedHeadersHandler>(ForwardedHeadersHandler.SchemeName, configureOptions: null);
        return services;
    }
}
