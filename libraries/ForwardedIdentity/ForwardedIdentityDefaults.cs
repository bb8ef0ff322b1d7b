namespace ForwardedIdentity;

/// <summary>Fixed names.</summary>
public static class ForwardedIdentityDefaults
{
    /// <summary>The name of the authentication scheme, and of its <c>JwtBearerOptions</c>.</summary>
    public const string AuthenticationScheme = "ForwardedIdentity";

    /// <summary>The request header in which the gateway sends the identity token.</summary>
    public const string HeaderName = "X-Identity-Token";

    /// <summary>The section of the configuration that <see cref="ForwardedIdentityOptions"/> are read from.</summary>
    public const string ConfigurationSection = "ForwardedIdentity";

    /// <summary>
    /// The name of the <see cref="HttpClient"/> that fetches keys and tokens; configure it with
    /// <c>services.AddHttpClient(ForwardedIdentityDefaults.HttpClientName)</c>, for a private certificate authority say. It
    /// must not follow redirects: requests for tokens carry the client's secret.
    /// </summary>
    public const string HttpClientName = "ForwardedIdentity";
}
