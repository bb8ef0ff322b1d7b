using System.Net;
using Microsoft.AspNetCore.Http;

namespace ForwardedIdentity.Tokens;

/// <summary>Which token goes with the requests of a client.</summary>
public sealed class OutgoingTokenOptions
{
    /// <summary>The audience to ask for. Default: none, and the token endpoint's own applies (<c>gateway</c>).</summary>
    public string? Audience { get; set; }

    /// <summary>Scopes to ask for, separated by blanks. Default: none, and the token has all that the client, and the caller,
    /// may have.</summary>
    public string? Scope { get; set; }
}

/// <summary>Sets the bearer token of every request; tells the cache of one that was refused.</summary>
internal abstract class OutgoingTokenHandler(TokenClient tokens, OutgoingTokenOptions wanted) : DelegatingHandler
{
    protected sealed override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var identityToken = IdentityToken();
        var key = tokens.Key(identityToken, wanted);
        var token = await tokens.GetAsync(key, identityToken, cancellationToken);
        request.Headers.Authorization = new("Bearer", token.Text);
        var response = await base.SendAsync(request, cancellationToken);
        if (response.StatusCode == HttpStatusCode.Unauthorized) tokens.Forget(key, token);
        return response;
    }

    /// <summary>The identity token to exchange; null for a token of the service's own.</summary>
    protected abstract string? IdentityToken();
}

/// <summary>Calls in the name of whoever called this service. Handlers are pooled and serve many requests: the caller is read
/// from the current request each time and never kept.</summary>
internal sealed class CallerTokenHandler(TokenClient tokens, OutgoingTokenOptions wanted, IHttpContextAccessor current) : OutgoingTokenHandler(tokens, wanted)
{
    protected override string IdentityToken() =>
        current.HttpContext?.Features.Get<ReceivedIdentityToken>()?.Token
        ?? throw new InvalidOperationException("There is no caller whose identity could be passed on: the current request has no verified identity token.");
}

/// <summary>Calls in this service's own name.</summary>
internal sealed class ServiceTokenHandler(TokenClient tokens, OutgoingTokenOptions wanted) : OutgoingTokenHandler(tokens, wanted)
{
    protected override string? IdentityToken() => null;
}
