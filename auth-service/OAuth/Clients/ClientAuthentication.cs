using System.Text;
using AuthService.Limits;
using AuthService.Sessions;
using AuthService.Users;

namespace AuthService.OAuth.Clients;

/// <summary>
/// Who the client is (RFC 6749 section 2.3). A client with a secret may send it in the header or in the body, whichever of
/// the two it is registered with: the secret is the same. One with a key signs assertions and has no secret. An unknown
/// client takes as long as a wrong secret.
/// </summary>
internal sealed partial class ClientAuthentication(
    ClientReader clients, ClientAssertions assertions, ClientLimit limit, ClientAddress address, ILogger<ClientAuthentication> logger)
{
    /// <summary><c>token_endpoint_auth_method</c> of a public client.</summary>
    public const string None = "none";

    /// <summary>That of a client that signs assertions.</summary>
    public const string PrivateKeyJwt = "private_key_jwt";

    /// <summary>Those of clients that can keep a secret.</summary>
    public static readonly string[] ConfidentialMethods = ["client_secret_basic", "client_secret_post", PrivateKeyJwt];

    /// <summary>What the metadata names.</summary>
    public static readonly string[] Methods = [.. ConfidentialMethods, None];

    private const string Scheme = "Basic ";
    private const string Failed = "The client is unknown, or did not prove who it is.";

    private static readonly string NobodysHash = ClientSecret.Hash(Guid.NewGuid().ToString());

    /// <exception cref="TooManyRequestsException">Too many failed before; nothing was looked at.</exception>
    public async Task<(ClientState? Client, OAuthRefusal? Refusal)> AuthenticateAsync(HttpContext context, FormParameters form)
    {
        var (claim, refusal) = Claimed(context, form);
        if (claim is null) return (null, refusal);
        var from = address.Of(context);
        limit.Ensure(from, claim.ClientId);
        var client = (await clients.ReadAsync([claim.ClientId], context.RequestAborted)).SingleOrDefault();
        if (await FaultAsync(client?.Client, claim, context.RequestAborted) is not { } fault) return (client, null);
        if (client is not null) Log.Refused(logger, client.Client.ClientId, fault);
        await limit.CountFailureAsync(from, claim.ClientId, CancellationToken.None);
        return (null, OAuthRefusal.InvalidClient(Failed));
    }

    /// <summary>Why the claim does not hold; null if it does.</summary>
    private async Task<string?> FaultAsync(Client? client, Claim claim, CancellationToken cancellationToken)
    {
        if (claim.Assertion is not null)
        {
            if (client is not { TokenEndpointAuthMethod: PrivateKeyJwt, Disabled: false }) return "it is disabled, or does not sign assertions";
            return await assertions.UseAsync(client, claim.Assertion, cancellationToken);
        }

        // A public client says who it is and proves nothing; what it may do is the grant's to say.
        if (claim.Secret is null) return client is { TokenEndpointAuthMethod: None, Disabled: false } ? null : "it is disabled, or did not authenticate";
        var takesSecret = client is { TokenEndpointAuthMethod: "client_secret_basic" or "client_secret_post", SecretHash: not null };
        return ClientSecret.Matches(takesSecret ? client!.SecretHash : NobodysHash, claim.Secret) && takesSecret && !client!.Disabled
            ? null
            : "it is disabled, or the secret is wrong";
    }

    private static (Claim? Claim, OAuthRefusal? Refusal) Claimed(HttpContext context, FormParameters form)
    {
        var header = context.Request.Headers.Authorization;
        if (header.Count > 1) return (null, OAuthRefusal.InvalidRequest("There is more than one Authorization header."));
        var asserted = form["client_assertion"] is not null || form["client_assertion_type"] is not null;
        // RFC 6749 section 2.3: one method in each request.
        if ((header.Count > 0 ? 1 : 0) + (form["client_secret"] is null ? 0 : 1) + (asserted ? 1 : 0) > 1)
            return (null, OAuthRefusal.InvalidRequest("The client authenticates in two ways."));
        var claim = header.Count > 0 ? Basic(header.ToString())
            : asserted ? Asserted(form)
            : form["client_id"] is { } posted ? new Claim(posted, form["client_secret"], null) : null;
        if (claim is null) return (null, OAuthRefusal.InvalidClient("The client did not say who it is."));
        return form["client_id"] is { } named && named != claim.ClientId ? (null, OAuthRefusal.InvalidRequest("The request names two clients.")) : (claim, null);
    }

    /// <summary>RFC 7521 section 4.2.</summary>
    private static Claim? Asserted(FormParameters form) =>
        form["client_assertion_type"] == ClientAssertions.Type && form["client_assertion"] is { } assertion && ClientAssertions.ClientIdOf(assertion) is { } clientId
            ? new Claim(clientId, null, assertion)
            : null;

    /// <summary>RFC 6749 section 2.3.1: form-encoded, then joined and encoded as RFC 7617 says.</summary>
    private static Claim? Basic(string header)
    {
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return null;
        var encoded = header.AsSpan(Scheme.Length).Trim(' ');
        var bytes = new byte[encoded.Length];
        if (!Convert.TryFromBase64Chars(encoded, bytes, out var length)) return null;
        var text = bytes.AsSpan(0, length);
        var colon = text.IndexOf((byte)':');
        return colon > 0 && FormText.TryDecode(text[..colon], out var clientId) && FormText.TryDecode(text[(colon + 1)..], out var secret) && Ascii.IsValid(text)
            ? new Claim(clientId, secret, null)
            : null;
    }

    /// <summary>Who a request says the client is, and by what.</summary>
    private sealed record Claim(string ClientId, string? Secret, string? Assertion)
    {
        /// <summary>Without the secret, which a record would print.</summary>
        public override string ToString() => ClientId;
    }

    private static partial class Log
    {
        [LoggerMessage(2400, LogLevel.Warning, "Client {ClientId} did not authenticate: {Fault}")]
        public static partial void Refused(ILogger logger, string clientId, string fault);
    }
}
