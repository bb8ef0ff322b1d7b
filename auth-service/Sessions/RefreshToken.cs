namespace AuthService.Sessions;

/// <summary>
/// What a refresh token says, once its MAC is proven. Nothing in it is secret without the MAC, and nothing but the
/// generation changes during a session: the same generation always makes the same token under the same key, so the
/// successor of a token is derived again when needed and stored nowhere.
/// </summary>
/// <param name="Sid">Session: 128 random bits as 32 lower-case hex digits.</param>
/// <param name="UserId">The user who signed in.</param>
/// <param name="ClientId">The client the session belongs to.</param>
/// <param name="Generation">1 for the token of the sign-in, one more with each rotation.</param>
/// <param name="SessionExpiresMs">The session's absolute expiry, Unix ms by the clock of Redis: how long its end must be remembered even if Redis no longer has the session.</param>
internal sealed record RefreshToken(string Sid, Guid UserId, string ClientId, long Generation, long SessionExpiresMs);
