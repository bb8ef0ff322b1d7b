using AuthService.Claims;

namespace AuthService.Users;

/// <summary>What decides whether a user may have a token now, as the database says at one moment.</summary>
/// <param name="Id">The user's id, the <c>sub</c>.</param>
/// <param name="UserName">What the user signs in with.</param>
/// <param name="Name">What the <c>name</c> claim says.</param>
/// <param name="Disabled">The user is disabled.</param>
/// <param name="SessionEpoch">Sessions of another epoch are not refreshed.</param>
/// <param name="NotBeforeMs">The latest of the cut-offs for the user, the client and all, Unix ms: a token must be issued
/// after it (<see cref="Tokens.IssueClock.IssueTime"/>).</param>
/// <param name="Roles">Role names, in ordinal order.</param>
/// <param name="SessionEnded">The session asked about has ended, whatever Redis holds.</param>
/// <param name="ClientDisabled">The client is disabled, or there is none of that id.</param>
/// <param name="SecondFactorEnabled">A password alone does not sign in.</param>
/// <param name="SigningKeyId">The key that signs tokens, its <c>kid</c>; null if there is none, which only a hand can bring about.</param>
/// <param name="ClaimRules">Which custom claims the client's tokens carry; null for none.</param>
/// <param name="StoredClaims">The custom claims of the user and of the user's roles, their values as JSON; null if the client has no rules.</param>
internal sealed record AccountState(
    Guid Id,
    string UserName,
    string Name,
    bool Disabled,
    long SessionEpoch,
    long NotBeforeMs,
    IReadOnlyList<string> Roles,
    bool SessionEnded,
    bool ClientDisabled,
    bool SecondFactorEnabled,
    string? SigningKeyId,
    ClaimRules? ClaimRules = null,
    IReadOnlyList<KeyValuePair<string, string>>? StoredClaims = null);
