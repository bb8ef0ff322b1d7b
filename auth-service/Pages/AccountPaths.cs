using AuthService.OAuth;

namespace AuthService.Pages;

/// <summary>The pages of somebody who is signed in.</summary>
internal static class AccountPaths
{
    public const string Profile = OAuthPaths.Root + "/account";
    public const string Password = Profile + "/password";
    public const string SecondFactor = Profile + "/second-factor";
    public const string Sessions = Profile + "/sessions";

    /// <summary>What the menu shows.</summary>
    public static readonly (string Path, string Name)[] All =
        [(Profile, "Profile"), (Password, "Password"), (SecondFactor, "Second factor"), (Sessions, "Where you are signed in")];
}
