using AuthService.Audit;
using AuthService.Revocation;
using AuthService.Sessions;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Users;

/// <summary>How a password change came out: one of the three is not null, or the user is gone.</summary>
/// <param name="Receipt">It was changed; every other session is over.</param>
/// <param name="CurrentIsWrong">The current password was wrong.</param>
/// <param name="Reasons">Why the new password cannot be one.</param>
internal sealed record PasswordChangeOutcome(RevocationReceipt? Receipt = null, bool CurrentIsWrong = false, IReadOnlyList<string>? Reasons = null);

/// <summary>A user's change of the own password, from wherever.</summary>
internal sealed class PasswordChange(
    UsersDbContext database, PasswordHashing hashing, UserManager<User> manager, UserSessions sessions, OwnPassword own, ClientAddress address)
{
    /// <summary>Changes it if the current one is right, and ends every session but one.</summary>
    /// <param name="exceptSid">The session that goes on; null for none.</param>
    /// <exception cref="Limits.TooManyRequestsException">Too many wrong ones came before.</exception>
    public async Task<PasswordChangeOutcome> ChangeAsync(
        HttpContext context, Guid userId, string current, string next, string? exceptSid, CancellationToken cancellationToken)
    {
        if (await database.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == userId, cancellationToken) is not { Disabled: false } user)
            return new PasswordChangeOutcome();
        if (!await own.IsRightAsync(context, user, current, cancellationToken)) return new PasswordChangeOutcome(CurrentIsWrong: true);
        if (await Registration.PasswordErrorsAsync(manager, user, next) is { Length: > 0 } reasons) return new PasswordChangeOutcome(Reasons: reasons);

        var hash = await hashing.HashAsync(user, next, cancellationToken);
        try
        {
            var receipt = await sessions.EndAllAsync(
                user.Id, exceptSid, AuditTypes.PasswordChanged, address.Actor(context, user.Id.ToString("D")), cancellationToken,
                row =>
                {
                    // Of two changes at once only one was made with the password that counted.
                    if (row.PasswordHash != user.PasswordHash) throw new PasswordChangedMeanwhileException();
                    row.PasswordHash = hash;
                    row.SecurityStamp = Guid.NewGuid().ToString("N");
                });
            return new PasswordChangeOutcome(receipt);
        }
        catch (PasswordChangedMeanwhileException)
        {
            return new PasswordChangeOutcome(CurrentIsWrong: true);
        }
    }

    private sealed class PasswordChangedMeanwhileException : Exception;
}
