namespace AuthService.OAuth.Grants;

/// <summary>The parameters of token exchange (RFC 8693 section 2.1); <see cref="TokenExchange"/> does the exchange.</summary>
internal sealed class TokenExchangeGrant(TokenExchange exchange) : IGrant
{
    public string GrantType => GrantTypes.TokenExchange;

    public async Task<GrantOutcome> IssueAsync(GrantRequest request, CancellationToken cancellationToken)
    {
        var (client, form) = (request.Client, request.Form);
        if (!client.IsConfidential) return OAuthRefusal.UnauthorizedClient("The grant is for clients that can keep a secret.");
        if (form["subject_token"] is not { } subjectToken || form["subject_token_type"] is not { } subjectTokenType)
            return OAuthRefusal.InvalidRequest("subject_token and subject_token_type are required.");
        if (form["requested_token_type"] is not (null or TokenTypes.AccessToken))
            return OAuthRefusal.InvalidRequest("Only access tokens are issued.");
        var actorToken = form["actor_token"];
        if (actorToken is null != form["actor_token_type"] is null)
            return OAuthRefusal.InvalidRequest("actor_token and actor_token_type belong together.");
        if (actorToken is not null && form["actor_token_type"] != TokenTypes.AccessToken)
            return OAuthRefusal.InvalidRequest("The actor token must be an access token.");
        // A token for several targets at once, or for a URI, is not issued: RFC 8693 section 2.2.2.
        if (form.All("resource").Count > 0 || form.All("audience").Count > 1)
            return OAuthRefusal.InvalidTarget("Name one audience, and no resource.");
        return await exchange.ExchangeAsync(
            new ExchangeRequest(client, subjectToken, subjectTokenType, actorToken, form["audience"], form["scope"], request.StartMs), cancellationToken);
    }
}
