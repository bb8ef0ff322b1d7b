using RevocationProtocol;

namespace AuthService.Tokens;

/// <summary>An access token of this service that it has verified itself.</summary>
/// <param name="Subject">A user's id, or a client's for a service token.</param>
/// <param name="UserId">The user; null for a service token.</param>
/// <param name="Sid">The session; null for a service token.</param>
/// <param name="Revocable">Its handles for revocation.</param>
internal sealed record OwnAccessToken(
    string Subject, Guid? UserId, string ClientId, string Scope, string? Sid, IReadOnlyList<string> Roles, string Jti, DateTimeOffset ExpiresAt, RevocableToken Revocable);

/// <summary>What a token's text turned out to be: a token, or the reason why it is none (the codes are the gateway's).</summary>
/// <param name="Refusal">A stable code; null for a token that is good.</param>
internal readonly record struct AccessTokenReading(OwnAccessToken? Token, string? Refusal)
{
    public const string Malformed = "token_malformed";
    public const string BadSignature = "token_signature_invalid";
    public const string WrongIssuer = "token_issuer_invalid";
    public const string WrongAudience = "token_audience_invalid";
    public const string WrongType = "token_type_invalid";
    public const string NotYetValid = "token_not_yet_valid";
    public const string Expired = "token_expired";
    public const string Revoked = "token_revoked";

    /// <summary>Not the token's fault: this replica cannot tell now whether it is revoked.</summary>
    public const string RevocationUnknown = "revocation_unknown";

    public static AccessTokenReading Refused(string code) => new(null, code);
}
