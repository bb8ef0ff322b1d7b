using AuthService.Revocation;
using AuthService.Tokens;

namespace AuthService.OAuth.Grants;

/// <summary>A token for a service itself (RFC 6749 section 4.4): its subject is the client, it has no session, and no role or
/// name of a user.</summary>
internal sealed class ClientCredentialsGrant(AccessTokenIssuer issuer, RevocationService revocation, TimeProvider time) : IGrant
{
    public string GrantType => GrantTypes.ClientCredentials;

    public async Task<GrantOutcome> IssueAsync(GrantRequest request, CancellationToken cancellationToken)
    {
        var (client, form) = (request.Client, request.Form);
        // RFC 6749 section 4.4: confidential clients only.
        if (!client.IsConfidential) return OAuthRefusal.UnauthorizedClient("The grant is for clients that can keep a secret.");
        if (Scopes.Select(form["scope"], client.Client.Scopes) is not { } scopes) return OAuthRefusal.InvalidScope("A scope is malformed, or not one of the client's.");
        revocation.EnsureAvailable();
        var clientId = client.Client.ClientId;
        var scope = Scopes.Join(scopes);
        var token = await issuer.IssueAsync(
            new AccessTokenRequest(
                clientId, clientId, scope, IssueClock.IssueTime(request.StartMs, client.NotBeforeMs), client.SigningKeyId, Sid: null, AuthTimeSeconds: null, Roles: null, Name: null),
            cancellationToken);
        return new GrantedToken(token.Token, token.ExpiresAtSeconds - time.GetUtcNow().ToUnixTimeSeconds(), scope);
    }
}
