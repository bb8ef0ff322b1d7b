using AuthService.Sessions;
using AuthService.Users;

namespace AuthService.OAuth.Grants;

/// <summary>What a client is given of a session's tokens.</summary>
internal sealed class SessionAnswers(IdTokens idTokens, TimeProvider time)
{
    /// <summary>Whether a client gets refresh tokens: the operator's own always, others when <c>offline_access</c> was granted.</summary>
    public static bool MayRefresh(Client client, string scope) =>
        client.GrantTypes.Contains(GrantTypes.RefreshToken) && (client.FirstParty || Scopes.Has(scope, Scopes.OfflineAccess));

    public GrantedToken Grant(Client client, SessionTokenPair tokens, bool refreshed, string? nonce, IReadOnlyList<string>? amr) => new(
        tokens.Access.Token,
        tokens.Access.ExpiresAtSeconds - time.GetUtcNow().ToUnixTimeSeconds(),
        tokens.Scope,
        RefreshToken: refreshed ? tokens.Refresh : null,
        IdToken: Scopes.Has(tokens.Scope, Scopes.OpenId)
            ? idTokens.Issue(new IdTokenRequest(tokens.UserId, client.ClientId, tokens.Sid, tokens.AuthTimeSeconds, nonce, amr, tokens.Access.Token))
            : null);
}
