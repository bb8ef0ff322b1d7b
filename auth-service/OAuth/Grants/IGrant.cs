using AuthService.OAuth.Clients;
using AuthService.Sessions;
using AuthService.Tokens;

namespace AuthService.OAuth.Grants;

/// <summary>A way to a token: one value of <c>grant_type</c>.</summary>
internal interface IGrant
{
    string GrantType { get; }

    /// <summary>Issues a token, or says why not. The client may use this grant.</summary>
    Task<GrantOutcome> IssueAsync(GrantRequest request, CancellationToken cancellationToken);
}

/// <summary>A request to the token endpoint.</summary>
/// <param name="Client">The client, authenticated, or public.</param>
/// <param name="StartMs"><see cref="IssueClock.Start"/>, taken before the client was read.</param>
/// <param name="By">Who asks, for audit events.</param>
internal sealed record GrantRequest(ClientState Client, FormParameters Form, long StartMs, SessionActor By, string? UserAgent)
{
    /// <summary>Without the parameters, which a record would print.</summary>
    public override string ToString() => $"{Form["grant_type"]} of {Client.Client.ClientId}";
}

/// <summary>The values of <c>grant_type</c>.</summary>
internal static class GrantTypes
{
    public const string AuthorizationCode = "authorization_code";

    public const string RefreshToken = "refresh_token";

    public const string ClientCredentials = "client_credentials";

    /// <summary>RFC 8693.</summary>
    public const string TokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange";

    public const string Password = "password";

    public static readonly string[] All = [AuthorizationCode, RefreshToken, ClientCredentials, TokenExchange, Password];
}
