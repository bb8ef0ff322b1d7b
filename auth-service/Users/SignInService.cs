using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Users;

/// <summary>
/// Checks user name and password. Wrong password, unknown user and disabled user take the same time (one read, one hash)
/// and give the same answer, so that nobody can find out who has an account.
/// </summary>
internal sealed class SignInService(
    IDbContextFactory<UsersDbContext> databases, AccountReader accounts, PasswordHashing hashing, ILookupNormalizer normalizer)
{
    /// <summary>The account if it may sign in with this client, else null.</summary>
    /// <exception cref="System.Data.Common.DbException">The database is away, see <see cref="UsersDatabaseFaults"/>.</exception>
    public async Task<AccountState?> CheckPasswordAsync(string userName, string password, string clientId, CancellationToken cancellationToken)
    {
        // A name nobody can have is looked up all the same, as one nobody has.
        var normalized = UserNames.IsAcceptable(userName) ? normalizer.NormalizeName(userName) : "";
        User? user;
        await using (var database = await databases.CreateDbContextAsync(cancellationToken))
            user = await database.Users.AsNoTracking().SingleOrDefaultAsync(u => u.NormalizedUserName == normalized, cancellationToken);

        var result = await hashing.VerifyAsync(user, password, cancellationToken);
        if (result == PasswordVerificationResult.Failed || user is null || user.Disabled) return null;
        if (result == PasswordVerificationResult.SuccessRehashNeeded) await RehashAsync(user, password, cancellationToken);
        // Read after the check: the slow hash lies between the first read and now.
        var account = await accounts.ReadAsync(user.Id, clientId, sid: null, cancellationToken);
        // The password that was right may not be the password any more: check again.
        if (account is not null && account.SessionEpoch != user.SessionEpoch)
            return await CheckPasswordAsync(userName, password, clientId, cancellationToken);
        return account is { Disabled: false, ClientDisabled: false } ? account : null;
    }

    /// <summary>The password is right but was hashed with fewer iterations than are asked for now.</summary>
    private async Task RehashAsync(User user, string password, CancellationToken cancellationToken)
    {
        var hash = await hashing.HashAsync(user, password, cancellationToken);
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        // Not if the password was changed meanwhile.
        await database.Users.Where(u => u.Id == user.Id && u.PasswordHash == user.PasswordHash)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.PasswordHash, hash), cancellationToken);
    }
}
