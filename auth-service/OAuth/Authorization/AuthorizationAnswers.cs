using System.Text;
using Microsoft.Extensions.Options;

namespace AuthService.OAuth.Authorization;

/// <summary>An error that is given to the client by a redirect (RFC 6749 section 4.1.2.1).</summary>
/// <param name="Code">One of the registered codes.</param>
/// <param name="Description">For the developer of the client. ASCII without quotes; holds nothing that was sent.</param>
internal sealed record AuthorizationError(string Code, string Description)
{
    public static AuthorizationError AccessDenied { get; } = new("access_denied", "The user refused.");

    /// <summary>OpenID Connect Core section 3.1.2.6.</summary>
    public static AuthorizationError LoginRequired { get; } = new("login_required", "The user must sign in.");

    /// <summary>OpenID Connect Core section 3.1.2.6.</summary>
    public static AuthorizationError ConsentRequired { get; } = new("consent_required", "The user must consent.");

    /// <summary>OpenID Connect Core section 3.1.2.6.</summary>
    public static AuthorizationError InteractionRequired(string description) => new("interaction_required", description);

    public static AuthorizationError InvalidRequest(string description) => new("invalid_request", description);
}

/// <summary>The addresses that lead back to a client. Each names the issuer (RFC 9207), so that a client of several
/// authorization servers knows which one answered.</summary>
internal sealed class AuthorizationAnswers(IOptions<AuthServiceOptions> options)
{
    public string Code(string redirectUri, string? state, string code) => Address(redirectUri, ("code", code), ("state", state));

    public string Error(string redirectUri, string? state, AuthorizationError error) =>
        Address(redirectUri, ("error", error.Code), ("error_description", error.Description), ("state", state));

    private string Address(string redirectUri, params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        // A query that was registered stays (RFC 6749 section 3.1.2); fragments cannot be.
        var address = new StringBuilder(redirectUri, redirectUri.Length + 256);
        var separator = redirectUri.Contains('?', StringComparison.Ordinal) ? '&' : '?';
        foreach (var (name, value) in parameters)
        {
            if (value is null) continue;
            address.Append(separator).Append(name).Append('=').Append(Uri.EscapeDataString(value));
            separator = '&';
        }

        return address.Append("&iss=").Append(Uri.EscapeDataString(options.Value.Issuer)).ToString();
    }
}
