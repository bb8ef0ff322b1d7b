using System.Text;
using AuthService.Users;

namespace AuthService.OAuth;

/// <summary>
/// Who the client is (RFC 6749 section 2.3). A client with a secret may send it in the header or in the body, whichever of
/// the two it is registered with: the secret is the same. An unknown client takes as long as a wrong secret.
/// </summary>
internal sealed partial class ClientAuthentication(ClientReader clients, ILogger<ClientAuthentication> logger)
{
    /// <summary><c>token_endpoint_auth_method</c> of a public client.</summary>
    public const string None = "none";

    /// <summary>What the metadata names.</summary>
    public static readonly string[] Methods = ["client_secret_basic", "client_secret_post"];

    private const string Scheme = "Basic ";
    private const string Failed = "The client is unknown, or did not prove who it is.";

    private static readonly string NobodysHash = ClientSecret.Hash(Guid.NewGuid().ToString());

    public async Task<(ClientState? Client, OAuthRefusal? Refusal)> AuthenticateAsync(HttpContext context, FormParameters form)
    {
        var (clientId, secret, refusal) = Credentials(context, form);
        if (refusal is not null) return (null, refusal);
        var client = (await clients.ReadAsync([clientId!], context.RequestAborted)).SingleOrDefault();
        if (!Proves(client?.Client, secret))
        {
            if (client is not null) Log.Refused(logger, client.Client.ClientId, client.Client.Disabled);
            return (null, OAuthRefusal.InvalidClient(Failed));
        }

        return (client, null);
    }

    private static bool Proves(Client? client, string? secret)
    {
        // A public client says who it is and proves nothing; what it may do is the grant's to say.
        if (secret is null) return client is { TokenEndpointAuthMethod: None, Disabled: false };
        var takesSecret = client is not null && Methods.Contains(client.TokenEndpointAuthMethod) && client.SecretHash is not null;
        return ClientSecret.Matches(takesSecret ? client!.SecretHash : NobodysHash, secret) && takesSecret && !client!.Disabled;
    }

    private static (string? ClientId, string? Secret, OAuthRefusal? Refusal) Credentials(HttpContext context, FormParameters form)
    {
        var header = context.Request.Headers.Authorization;
        if (header.Count > 1) return (null, null, OAuthRefusal.InvalidRequest("There is more than one Authorization header."));
        if (form["client_assertion"] is not null || form["client_assertion_type"] is not null)
            return (null, null, OAuthRefusal.InvalidClient("Client assertions are not supported."));
        if (header.Count == 0)
            return form["client_id"] is { } posted ? (posted, form["client_secret"], null) : (null, null, OAuthRefusal.InvalidClient("The client did not say who it is."));
        // RFC 6749 section 2.3: one method in each request.
        if (form["client_secret"] is not null) return (null, null, OAuthRefusal.InvalidRequest("The client authenticates in two ways."));
        if (Basic(header.ToString()) is not var (clientId, secret)) return (null, null, OAuthRefusal.InvalidClient(Failed));
        return form["client_id"] is { } named && named != clientId
            ? (null, null, OAuthRefusal.InvalidRequest("The request names two clients."))
            : (clientId, secret, null);
    }

    /// <summary>RFC 6749 section 2.3.1: form-encoded, then joined and encoded as RFC 7617 says.</summary>
    private static (string ClientId, string Secret)? Basic(string header)
    {
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return null;
        var encoded = header.AsSpan(Scheme.Length).Trim(' ');
        var bytes = new byte[encoded.Length];
        if (!Convert.TryFromBase64Chars(encoded, bytes, out var length)) return null;
        var text = bytes.AsSpan(0, length);
        var colon = text.IndexOf((byte)':');
        return colon > 0 && FormText.TryDecode(text[..colon], out var clientId) && FormText.TryDecode(text[(colon + 1)..], out var secret) && Ascii.IsValid(text)
            ? (clientId, secret)
            : null;
    }

    private static partial class Log
    {
        [LoggerMessage(2400, LogLevel.Warning, "Client {ClientId} did not authenticate (disabled: {Disabled})")]
        public static partial void Refused(ILogger logger, string clientId, bool disabled);
    }
}
