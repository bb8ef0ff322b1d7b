using AuthService.OAuth;

namespace AuthService.Tokens;

/// <summary>What an access token is to say.</summary>
/// <param name="Subject">A user's id, or the client id for a service token.</param>
/// <param name="ClientId">Client.</param>
/// <param name="Scope">Space-separated scopes.</param>
/// <param name="IssueTimeMs">From <see cref="IssueClock"/>, taken before any state was read; it stands in the <c>jti</c>.</param>
/// <param name="SigningKeyId">Which key signs, as the database said when the state was read that the token is to carry.</param>
/// <param name="Sid">Session; null for service tokens.</param>
/// <param name="AuthTimeSeconds">When the user signed in, Unix seconds; null for service tokens.</param>
/// <param name="Roles">Null for service tokens.</param>
/// <param name="Name">Null for service tokens.</param>
/// <param name="ExtraClaims">Configured claims; none may have the name of one above.</param>
/// <param name="Audience"><c>aud</c>; null for <see cref="AuthServiceOptions.Audience"/>.</param>
/// <param name="ExpiresAtMostSeconds">An earlier end than the usual life, Unix seconds.</param>
/// <param name="Actor">Who acts for the subject; null for the subject itself.</param>
internal sealed record AccessTokenRequest(
    string Subject,
    string ClientId,
    string Scope,
    long IssueTimeMs,
    string? SigningKeyId,
    string? Sid,
    long? AuthTimeSeconds,
    IReadOnlyList<string>? Roles,
    string? Name,
    IReadOnlyDictionary<string, object>? ExtraClaims = null,
    string? Audience = null,
    long? ExpiresAtMostSeconds = null,
    Actor? Actor = null);

/// <summary>A signed access token.</summary>
/// <param name="Token">Its text. Never logged.</param>
/// <param name="Jti">Token id.</param>
/// <param name="ExpiresAtSeconds"><c>exp</c>, Unix seconds.</param>
internal sealed record IssuedAccessToken(string Token, string Jti, long ExpiresAtSeconds)
{
    /// <summary>Without the token, which a record would print.</summary>
    public override string ToString() => $"{Jti}, expires {ExpiresAtSeconds}";
}
