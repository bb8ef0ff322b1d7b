using AuthService.Limits;
using AuthService.Sessions;
using Microsoft.AspNetCore.Identity;

namespace AuthService.Users;

/// <summary>Asks somebody who is signed in for the password once more. Counts as a sign-in does: who holds a stolen token or
/// finds an open browser must not find out the password with it.</summary>
internal sealed class OwnPassword(PasswordHashing hashing, SignInLimit limit, ClientAddress address)
{
    /// <exception cref="TooManyRequestsException">The password was not looked at.</exception>
    public async Task<bool> IsRightAsync(HttpContext context, User user, string password, CancellationToken cancellationToken) =>
        await limit.CheckAsync(
            UserNames.Normalize(user.UserName!), address.Of(context),
            async () => await hashing.VerifyAsync(user, password, cancellationToken) == PasswordVerificationResult.Failed ? null : user,
            cancellationToken) is not null;
}
