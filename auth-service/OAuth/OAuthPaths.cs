namespace AuthService.OAuth;

/// <summary>Where the endpoints and the pages lie that send browsers to each other.</summary>
internal static class OAuthPaths
{
    public const string Authorize = "/connect/authorize";

    /// <summary>Where a page sends the browser when its person has signed in or consented: <c>?ticket=</c>.</summary>
    public const string Resume = Authorize + "/resume";

    public const string Token = "/connect/token";

    public const string Revocation = "/connect/revocation";

    public const string Introspection = "/connect/introspect";

    public const string UserInfo = "/connect/userinfo";

    public const string Logout = "/connect/logout";

    /// <summary>The page that signs somebody in: <c>?ticket=</c> when an authorization waits for it.</summary>
    public const string SignInPage = "/signin";

    /// <summary>The page that asks for consent: <c>?ticket=</c>.</summary>
    public const string ConsentPage = "/consent";

    /// <summary>The page that asks whether to sign out: <c>?ticket=</c>.</summary>
    public const string SignOutPage = "/signout";

    /// <summary>The page that says that one is signed out.</summary>
    public const string SignedOutPage = "/signedout";

    public static string WithTicket(string path, string ticket) => $"{path}?ticket={ticket}";
}
