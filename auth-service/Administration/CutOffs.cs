using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.Users;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.Administration;

/// <summary>
/// Kills every access token issued until now, of a user or a client, in the transaction of the change that made it
/// necessary. A cut-off lies ahead of the clock by the largest skew, and of the one before it, so that no replica's
/// token falls between the two.
/// </summary>
internal sealed class CutOffs(SessionPolicy policy, IOptions<AuthServiceOptions> options, TimeProvider time)
{
    /// <summary>Revocations that one change may stage by user; beyond it the change cuts off all tokens.</summary>
    public const int MaxUsers = 500;

    public void Stage(UsersDbContext database, User user)
    {
        user.NotBeforeMs = Next(user.NotBeforeMs);
        Stage(database, RevocationKind.Sub, user.Id.ToString("D"), user.NotBeforeMs);
    }

    /// <summary>The tokens issued to the client, and those in which it is the subject itself: a service token exchanged by
    /// another client names that one as <c>client_id</c>.</summary>
    /// <returns>How many revocations were staged.</returns>
    public int Stage(UsersDbContext database, Client client)
    {
        client.NotBeforeMs = Next(client.NotBeforeMs);
        Stage(database, RevocationKind.Client, client.ClientId, client.NotBeforeMs);
        Stage(database, RevocationKind.Sub, client.ClientId, client.NotBeforeMs);
        return 2;
    }

    public void Stage(UsersDbContext database, CutOff all)
    {
        all.NotBeforeMs = Next(all.NotBeforeMs);
        Stage(database, RevocationKind.All, "", all.NotBeforeMs);
    }

    private long Next(long previous)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var next = Math.Max(now, previous) + (long)options.Value.MaxClockSkew.TotalMilliseconds;
        return next <= now + (long)RevocationWriter.MaxCutOffLead.TotalMilliseconds
            ? next
            : throw new RedisUnavailableException("Its tokens were cut off too often within a minute.");
    }

    private void Stage(UsersDbContext database, RevocationKind kind, string id, long cutOff) =>
        RevocationService.Stage(database, new RevocationEntry(policy.Issuer, kind, id, cutOff, null, cutOff + policy.LongestTokenLifeMs));
}
