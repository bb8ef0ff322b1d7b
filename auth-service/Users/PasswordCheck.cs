using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Users;

/// <summary>
/// Checks user name and password. Wrong password, unknown user and disabled user take the same time (one read, one hash)
/// and give the same answer, so that nobody can find out who has an account.
/// </summary>
internal sealed class PasswordCheck(
    IDbContextFactory<UsersDbContext> databases, AccountReader accounts, PasswordHashing hashing)
{
    /// <summary>Whether an account may sign in with this client.</summary>
    /// <exception cref="System.Data.Common.DbException">The database is away, see <see cref="UsersDatabaseFaults"/>.</exception>
    public async Task<PasswordCheckResult> CheckAsync(string userName, string password, string clientId, CancellationToken cancellationToken)
    {
        // A name nobody can have is looked up all the same, as one nobody has.
        var normalized = UserNames.IsPossible(userName) ? UserNames.Normalize(userName) : "";
        User? user;
        await using (var database = await databases.CreateDbContextAsync(cancellationToken))
            user = await database.Users.AsNoTracking().SingleOrDefaultAsync(u => u.NormalizedUserName == normalized, cancellationToken);

        var result = await hashing.VerifyAsync(user, password, cancellationToken);
        if (result == PasswordVerificationResult.Failed || user is null || user.Disabled)
            return new PasswordCheckResult(null, user?.Id);
        if (result == PasswordVerificationResult.SuccessRehashNeeded) await RehashAsync(user, password, cancellationToken);
        // Read after the check: the slow hash lies between the first read and now.
        var account = await accounts.ReadAsync(user.Id, clientId, sid: null, cancellationToken);
        // The password that was right may not be the password any more: check again.
        if (account is not null && account.SessionEpoch != user.SessionEpoch)
            return await CheckAsync(userName, password, clientId, cancellationToken);
        return new PasswordCheckResult(account is { Disabled: false, ClientDisabled: false } ? account : null, user.Id);
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

/// <param name="Account">Null if it may not sign in.</param>
/// <param name="UserId">Who has that name, whatever the password; for the audit log only.</param>
internal sealed record PasswordCheckResult(AccountState? Account, Guid? UserId);
