namespace AuthService.SignIn;

/// <summary>A person who is signed in with this browser.</summary>
/// <param name="SignInId">Of the row <see cref="Users.BrowserSignInRow"/>; no secret.</param>
/// <param name="AuthTimeSeconds">When the person last proved who they are, Unix seconds.</param>
/// <param name="Amr">How, in the names of RFC 8176: <c>pwd</c>, and <c>otp</c> and <c>mfa</c> with a second factor.</param>
internal sealed record BrowserSignIn(string SignInId, Guid UserId, long SessionEpoch, long AuthTimeSeconds, IReadOnlyList<string> Amr);
