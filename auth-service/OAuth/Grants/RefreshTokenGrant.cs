using AuthService.OAuth.Authorization;
using AuthService.Sessions;

namespace AuthService.OAuth.Grants;

/// <summary>Refreshes a session (RFC 6749 section 6), by the same rules as the JSON API.</summary>
internal sealed class RefreshTokenGrant(RefreshTokens refreshTokens, SessionStore sessions, SessionTokens tokens, SessionAnswers answers, Consents consents) : IGrant
{
    private static readonly OAuthRefusal Invalid = OAuthRefusal.InvalidGrant("The refresh token is invalid, expired, revoked, or was not issued to this client.");

    public string GrantType => GrantTypes.RefreshToken;

    public async Task<GrantOutcome> IssueAsync(GrantRequest request, CancellationToken cancellationToken)
    {
        var (client, form) = (request.Client.Client, request.Form);
        if (form["refresh_token"] is not { } text) return OAuthRefusal.InvalidRequest("refresh_token is required.");
        if (await refreshTokens.ReadAsync(text) is not { } token || token.ClientId != client.ClientId) return Invalid;
        if (form["scope"] is { } asked && await sessions.FindAsync(token.Sid, token.UserId, cancellationToken) is { } session)
        {
            // Before anything is rotated. The scope of the session stays as it was: RFC 6749 section 6.
            if (Scopes.Select(asked, Scopes.Split(session.Scope)) is null) return OAuthRefusal.InvalidScope("A scope is malformed, or was not granted.");
        }

        // The user may have taken back what was granted.
        if (!client.FirstParty && !await consents.IsGivenAsync(token.UserId, client.ClientId, [], cancellationToken)) return Invalid;
        var issued = await tokens.RefreshAsync(text, client.ClientId, request.By, cancellationToken, scope => Narrow(scope, form["scope"], client.Scopes));
        return issued is null ? Invalid : answers.Grant(client, issued, refreshed: true, nonce: null, amr: null);
    }

    /// <summary>What was granted, of it what was asked for, and of that what the client may have now.</summary>
    private static string Narrow(string granted, string? asked, IReadOnlyCollection<string> allowed) =>
        Scopes.Keep(asked is null ? granted : Scopes.Keep(asked, Scopes.Split(granted).ToList()), allowed);
}
