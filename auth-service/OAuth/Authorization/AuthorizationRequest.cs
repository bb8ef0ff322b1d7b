namespace AuthService.OAuth.Authorization;

/// <summary>An authorization request that is right in itself: client and redirect URI belong together, and every parameter
/// is what it may be.</summary>
/// <param name="State">Returned as it came.</param>
/// <param name="CodeChallenge">S256 (RFC 7636 section 4.2).</param>
/// <param name="Interactive">False with <c>prompt=none</c>: no page may be shown.</param>
/// <param name="SignInAgain">True with <c>prompt=login</c>, and with <c>max_age=0</c>.</param>
/// <param name="AskConsent">True with <c>prompt=consent</c>.</param>
/// <param name="MaxAgeSeconds">How long ago the user may have signed in; null for any time.</param>
/// <param name="LoginHint">What the user may be known by, for the sign-in page.</param>
/// <param name="HintedSubject">The subject of the <c>id_token_hint</c>: nobody else may be signed in.</param>
internal sealed record AuthorizationRequest(
    string ClientId, string RedirectUri, string Scope, string? State, string? Nonce, string CodeChallenge, bool Interactive, bool SignInAgain, bool AskConsent,
    long? MaxAgeSeconds, string? LoginHint, string? HintedSubject)
{
    /// <summary>Without <c>state</c> and <c>nonce</c>, which a record would print.</summary>
    public override string ToString() => $"authorization of {ClientId} for {Scope}";
}
