using AuthService.Revocation;
using AuthService.Tokens;

namespace AuthService.OAuth;

/// <summary>A token for a service itself (RFC 6749 section 4.4): its subject is the client, it has no session, and no role or
/// name of a user.</summary>
internal sealed class ClientCredentialsGrant(AccessTokenIssuer issuer, RevocationService revocation, TimeProvider time)
{
    public const string GrantType = "client_credentials";

    /// <param name="startMs"><see cref="IssueClock.Start"/>, taken before the client was read.</param>
    public async Task<GrantOutcome> IssueAsync(ClientState client, FormParameters form, long startMs, CancellationToken cancellationToken)
    {
        // RFC 6749 section 4.4: confidential clients only.
        if (!client.IsConfidential) return OAuthRefusal.UnauthorizedClient("The grant is for clients that can keep a secret.");
        if (Scopes.Select(form["scope"], client.Client.Scopes) is not { } scopes) return OAuthRefusal.InvalidScope("A scope is malformed, or not one of the client's.");
        revocation.EnsureAvailable();
        var clientId = client.Client.ClientId;
        var scope = Scopes.Join(scopes);
        var token = await issuer.IssueAsync(
            new AccessTokenRequest(clientId, clientId, scope, IssueClock.IssueTime(startMs, client.NotBeforeMs), Sid: null, AuthTimeSeconds: null, Roles: null, Name: null),
            cancellationToken);
        return new GrantedToken(token.Token, token.ExpiresAtSeconds - time.GetUtcNow().ToUnixTimeSeconds(), scope);
    }
}
