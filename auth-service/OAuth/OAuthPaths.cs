namespace AuthService.OAuth;

/// <summary>Where the endpoints and the pages lie that send browsers to each other.</summary>
internal static class OAuthPaths
{
    /// <summary>What all of them lie under, and the path of every cookie: no other service of a shared host name gets one.</summary>
    public const string Root = "/connect";

    public const string Authorize = Root + "/authorize";

    /// <summary>Where a page sends the browser when its person has signed in or consented: <c>?ticket=</c>.</summary>
    public const string Resume = Authorize + "/resume";

    public const string Token = Root + "/token";

    public const string Revocation = Root + "/revocation";

    public const string Introspection = Root + "/introspect";

    public const string UserInfo = Root + "/userinfo";

    public const string Logout = Root + "/logout";

    /// <summary>The page that signs somebody in: <c>?ticket=</c> when an authorization waits for it.</summary>
    public const string SignInPage = Root + "/signin";

    /// <summary>The page that asks for the second factor, with the query of <see cref="SignInPage"/>.</summary>
    public const string SecondFactorPage = SignInPage + "/second-factor";

    /// <summary>The page that asks for consent: <c>?ticket=</c>.</summary>
    public const string ConsentPage = Root + "/consent";

    /// <summary>The page that asks whether to sign out: <c>?ticket=</c>.</summary>
    public const string SignOutPage = Root + "/signout";

    /// <summary>The page that says that one is signed out.</summary>
    public const string SignedOutPage = Root + "/signed-out";

    /// <summary>Whether a client itself asks there, and reads the errors of RFC 6749 section 5.2.</summary>
    public static bool IsForClients(PathString path) => path == Token || path == Revocation || path == Introspection;

    /// <summary>The address with a ticket, or with whatever text somebody sent for one.</summary>
    public static string WithTicket(string path, string ticket) => $"{path}?ticket={Uri.EscapeDataString(ticket)}";
}
