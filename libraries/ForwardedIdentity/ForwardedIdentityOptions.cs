namespace ForwardedIdentity;

/// <summary>Whose identity tokens this service takes, and as whom it asks for tokens itself. Section
/// <c>ForwardedIdentity</c> of the configuration; what is set in code wins.</summary>
public sealed class ForwardedIdentityOptions
{
    /// <summary>The gateway's address, such as <c>https://api.example.com</c>. Required. The three addresses below follow
    /// from it. Plain http is taken for loopback addresses only, see <see cref="RequireHttps"/>.</summary>
    public Uri? Gateway { get; set; }

    /// <summary>The <c>aud</c> that identity tokens for this service have: the id of its cluster in the gateway's
    /// configuration. Required: without it, a token that another service received would be good here.</summary>
    public string? Audience { get; set; }

    /// <summary>The <c>iss</c> of identity tokens: the gateway's setting <c>Gateway:Identity:Issuer</c>. Default: the origin of
    /// <see cref="Gateway"/>. Set it if this service reaches the gateway under another address than the public one.</summary>
    public string? Issuer { get; set; }

    /// <summary>Where the gateway publishes its keys. Default: <c>/.well-known/identity-jwks.json</c> at <see cref="Gateway"/>.</summary>
    public Uri? KeysAddress { get; set; }

    /// <summary>Where tokens are exchanged and issued. Default: <c>/connect/token</c> at <see cref="Gateway"/>.</summary>
    public Uri? TokenEndpoint { get; set; }

    /// <summary>This service's client id, for the <see cref="HttpClient"/> handlers. Default: none.</summary>
    public string? ClientId { get; set; }

    /// <summary>The secret of <see cref="ClientId"/>. Keep it out of the source and of committed settings.</summary>
    public string? ClientSecret { get; set; }

    /// <summary>How far this machine's clock may differ from the gateway's. Default 5 s, at most 1 minute: an identity token
    /// lives for a minute, and is good for this much longer.</summary>
    public TimeSpan ClockSkew { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether keys and tokens are fetched over https only, but for loopback addresses. Default true. Whoever can
    /// change an answer to a plain http request can be any user to this service.</summary>
    public bool RequireHttps { get; set; } = true;

    /// <summary>
    /// Networks (CIDR, such as <c>10.1.2.0/24</c>) from which the unsigned headers <c>X-User-Id</c> … are believed when a
    /// request has no identity token. Default: none. Whatever can open a connection from there can be any user, so name the
    /// gateways alone, and prefer identity tokens.
    /// </summary>
    public IList<string> TrustedNetworks { get; } = [];

    internal string EffectiveIssuer => Issuer ?? Gateway!.GetLeftPart(UriPartial.Authority);

    internal Uri EffectiveKeysAddress => KeysAddress ?? new Uri(Gateway!, "/.well-known/identity-jwks.json");

    internal Uri EffectiveTokenEndpoint => TokenEndpoint ?? new Uri(Gateway!, "/connect/token");
}
