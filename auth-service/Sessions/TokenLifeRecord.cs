using AuthService.Users;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Sessions;

/// <summary>
/// Remembers the longest life that access tokens were ever issued with. A setting made shorter does not shorten the tokens
/// that are out, so their revocations must outlive the setting.
/// </summary>
internal sealed class TokenLifeRecord(IDbContextFactory<UsersDbContext> databases, SessionPolicy policy) : IPreparationStep
{
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var all = await database.CutOffs.SingleAsync(row => row.Id == CutOff.All, cancellationToken);
        policy.Cover(all.LongestTokenLifeMs);
        all.LongestTokenLifeMs = policy.LongestTokenLifeMs;
        await database.SaveChangesAsync(cancellationToken);
    }
}
