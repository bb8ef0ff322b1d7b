using AuthService.Revocation;
using AuthService.Tokens;
using AuthService.Users;
using ForwardedIdentity;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using RevocationProtocol;

namespace AuthService.OAuth;

/// <summary>
/// Verifies subject tokens: access tokens of this service, and identity tokens that a gateway made of them. What is no valid
/// token is <c>invalid_request</c> (RFC 8693 section 2.2.2); a valid one that is revoked, or was not for this client, is
/// <c>invalid_grant</c>.
/// </summary>
internal sealed class SubjectTokenReader(AccessTokenVerifier accessTokens, IdentityKeys keys, RevocationService revocation, IOptions<AuthServiceOptions> options)
{
    /// <summary>In an identity token: the <c>jti</c> of the access token it was made from.</summary>
    private const string AccessTokenId = "access_jti";

    private readonly JsonWebTokenHandler _identityTokens = new() { MapInboundClaims = false, MaximumTokenSizeInBytes = IdentityTokens.MaxLength };

    public async Task<(SubjectToken? Token, OAuthRefusal? Refusal)> ReadAsync(string type, string text, Client client, CancellationToken cancellationToken) => type switch
    {
        TokenTypes.AccessToken => ReadAccessToken(text),
        TokenTypes.Jwt => await ReadIdentityTokenAsync(text, client.IdentityAudiences, cancellationToken),
        _ => (null, OAuthRefusal.InvalidRequest("The subject token must be an access token or an identity token (jwt).")),
    };

    /// <summary>Verifies an access token of this service.</summary>
    /// <exception cref="RedisUnavailableException">It cannot be known now whether the token is revoked.</exception>
    public (SubjectToken? Token, OAuthRefusal? Refusal) ReadAccessToken(string text)
    {
        var reading = accessTokens.Verify(text);
        return reading.Refusal switch
        {
            null when SubjectToken.Read(text, "jti") is { } token => (token, null),
            AccessTokenReading.Revoked => (null, Revoked),
            AccessTokenReading.RevocationUnknown => throw new RedisUnavailableException("It is not known now whether the token is revoked."),
            _ => (null, Invalid),
        };
    }

    private async Task<(SubjectToken? Token, OAuthRefusal? Refusal)> ReadIdentityTokenAsync(string text, string[] audiences, CancellationToken cancellationToken)
    {
        if (IdentityTokens.Kid(text) is not { } kid) return (null, Invalid);
        await keys.PrepareAsync(kid, cancellationToken);
        var settings = options.Value;
        var rules = IdentityTokens.Rules(settings.IdentityIssuer, audiences, settings.MaxClockSkew, keys);
        // Looked at below: of a token that is not proven the library would say that first.
        rules.ValidateAudience = false;
        var result = await _identityTokens.ValidateTokenAsync(text, rules);
        if (!result.IsValid) return (null, Invalid);
        if (!((JsonWebToken)result.SecurityToken).Audiences.Any(audiences.Contains)) return (null, OAuthRefusal.InvalidGrant("The identity token was not for this client."));
        if (SubjectToken.Read(text, AccessTokenId) is not { } token) return (null, OAuthRefusal.InvalidGrant("The subject is not a user or service of this issuer."));
        result.Claims.TryGetValue(AccessTokenId, out var jti);
        var revocable = new RevocableToken(settings.Issuer, jti as string, token.Sid, kid: null, token.Subject, token.ClientId, token.IssueTimeMs);
        return revocation.Check(revocable) switch
        {
            RevocationVerdict.Live => (token, null),
            RevocationVerdict.Revoked => (null, Revoked),
            _ => throw new RedisUnavailableException("It is not known now whether the token is revoked."),
        };
    }

    private static OAuthRefusal Invalid => OAuthRefusal.InvalidRequest("The token is not valid.");

    private static OAuthRefusal Revoked => OAuthRefusal.InvalidGrant("The token was revoked.");
}
