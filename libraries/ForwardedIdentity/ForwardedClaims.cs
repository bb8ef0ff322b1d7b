namespace ForwardedIdentity;

/// <summary>The claims of a caller. They have the names of the access token's claims; nothing is renamed.</summary>
public static class ForwardedClaims
{
    /// <summary>Who: a user's id, or a client's id for a service that calls for itself.</summary>
    public const string Subject = "sub";

    /// <summary>The user's name; <c>Identity.Name</c>.</summary>
    public const string Name = "name";

    /// <summary>One claim a role; <c>IsInRole</c>.</summary>
    public const string Roles = "roles";

    /// <summary>All scopes in one claim, separated by blanks; see <see cref="ClaimsPrincipalExtensions.GetScopes"/>.</summary>
    public const string Scope = "scope";

    /// <summary>The client that the access token was issued to.</summary>
    public const string ClientId = "client_id";

    /// <summary>The sign-in session.</summary>
    public const string SessionId = "sid";

    /// <summary>The issuer.</summary>
    public const string Issuer = "iss";

    /// <summary>Who acts for the subject, as JSON; see <see cref="ClaimsPrincipalExtensions.GetActors"/>.</summary>
    public const string Actor = "act";
}
