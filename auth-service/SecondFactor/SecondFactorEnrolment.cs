using AuthService.Audit;
using AuthService.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace AuthService.SecondFactor;

/// <summary>What a new authenticator is to be told.</summary>
internal sealed record TotpEnrolment(string Secret, string Uri)
{
    /// <summary>Without the secret, which a record would print.</summary>
    public override string ToString() => "[redacted]";
}

/// <summary>
/// Turns the second factor on and off. It is asked for at sign-in only when a code has shown that the authenticator works.
/// Whoever calls has checked password and code as the change needs.
/// </summary>
internal sealed class SecondFactorEnrolment(
    IDbContextFactory<UsersDbContext> databases, Lazy<KeyEncryptionKeyRing> ring, SecondFactorService codes, AuditLog audit, IOptions<AuthServiceOptions> options)
{
    /// <summary>Makes a secret; an enrolment that was begun before is void. Null if the second factor is on already.</summary>
    public async Task<TotpEnrolment?> BeginAsync(Guid userId, CancellationToken cancellationToken)
    {
        var secret = Totp.NewSecret();
        var sealedSecret = ring.Value.Seal(SecondFactorService.Purpose, userId.ToString("D"), secret);
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var begun = await database.Users.Where(u => u.Id == userId && !u.TwoFactorEnabled)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.SealedTotpSecret, sealedSecret), cancellationToken);
        if (begun == 0) return null;
        var name = await database.Users.Where(u => u.Id == userId).Select(u => u.UserName).SingleAsync(cancellationToken);
        var text = Totp.Text(secret);
        return new TotpEnrolment(text, Totp.Uri(new Uri(options.Value.Issuer).Host, name!, text));
    }

    /// <summary>Turns the second factor on if the code is the new authenticator's. Answers the recovery codes, which are
    /// shown this once; null for a wrong code, or when there is nothing to confirm.</summary>
    public async Task<string[]?> ConfirmAsync(Guid userId, string code, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        var pending = await database.Users.AsNoTracking().Where(u => u.Id == userId && !u.TwoFactorEnabled)
            .Select(u => new { u.SealedTotpSecret, u.LastTotpStep }).SingleOrDefaultAsync(cancellationToken);
        if (pending?.SealedTotpSecret is not { } sealedSecret || codes.FindStep(userId, sealedSecret, code.Trim(), pending.LastTotpStep) is not { } step)
            return null;
        // Not if it was confirmed, or begun anew, meanwhile.
        var enabled = await database.Users.Where(u => u.Id == userId && !u.TwoFactorEnabled && u.SealedTotpSecret == sealedSecret)
            .ExecuteUpdateAsync(
                set => set.SetProperty(u => u.TwoFactorEnabled, true).SetProperty(u => u.LastTotpStep, step).SetProperty(u => u.ConcurrencyStamp, NewStamp()),
                cancellationToken);
        if (enabled == 0) return null;
        var recovery = await ReplaceCodesAsync(database, userId, cancellationToken);
        await CommitAsync(database, transaction, AuditTypes.SecondFactorEnabled, userId, userId.ToString("D"), cancellationToken);
        return recovery;
    }

    /// <summary>Turns it off, with its secret and recovery codes. False if it was off.</summary>
    /// <param name="auditType"><see cref="AuditTypes.SecondFactorDisabled"/>, or <see cref="AuditTypes.SecondFactorReset"/> by
    /// an administrator for a user who has lost everything.</param>
    public async Task<bool> DisableAsync(Guid userId, string auditType, string? actor, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        // The last step stays: a code used before is not good again for a later enrolment of the same secret by hand.
        var disabled = await database.Users.Where(u => u.Id == userId && u.TwoFactorEnabled)
            .ExecuteUpdateAsync(
                set => set.SetProperty(u => u.TwoFactorEnabled, false).SetProperty(u => u.SealedTotpSecret, (string?)null).SetProperty(u => u.ConcurrencyStamp, NewStamp()),
                cancellationToken);
        if (disabled == 0) return false;
        await database.RecoveryCodes.Where(c => c.UserId == userId).ExecuteDeleteAsync(cancellationToken);
        await CommitAsync(database, transaction, auditType, userId, actor, cancellationToken);
        return true;
    }

    /// <summary>New recovery codes; the old ones are void. Null if the second factor is off.</summary>
    public async Task<string[]?> ReplaceRecoveryCodesAsync(Guid userId, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        // A write of the user's row, so that two replacements at once do not leave the codes of both.
        var on = await database.Users.Where(u => u.Id == userId && u.TwoFactorEnabled)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.ConcurrencyStamp, NewStamp()), cancellationToken);
        if (on == 0) return null;
        var recovery = await ReplaceCodesAsync(database, userId, cancellationToken);
        await CommitAsync(database, transaction, AuditTypes.RecoveryCodesReplaced, userId, userId.ToString("D"), cancellationToken);
        return recovery;
    }

    /// <summary>Whether it is on, and how many recovery codes are left.</summary>
    public async Task<(bool Enabled, int RecoveryCodesLeft)> ShowAsync(Guid userId, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var enabled = await database.Users.AnyAsync(u => u.Id == userId && u.TwoFactorEnabled, cancellationToken);
        return (enabled, await database.RecoveryCodes.CountAsync(c => c.UserId == userId && c.UsedAtMs == null, cancellationToken));
    }

    private async Task CommitAsync(
        UsersDbContext database, Microsoft.EntityFrameworkCore.Storage.IDbContextTransaction transaction, string auditType, Guid userId, string? actor,
        CancellationToken cancellationToken)
    {
        audit.Stage(database, new AuditRecord(auditType, actor, userId.ToString("D"), ClientId: null, Sid: null));
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private static async Task<string[]> ReplaceCodesAsync(UsersDbContext database, Guid userId, CancellationToken cancellationToken)
    {
        var recovery = RecoveryCodes.New();
        await database.RecoveryCodes.Where(c => c.UserId == userId).ExecuteDeleteAsync(cancellationToken);
        database.RecoveryCodes.AddRange(recovery.Select(code => new RecoveryCodeRow { UserId = userId, CodeHash = RecoveryCodes.Hash(code)! }));
        return recovery;
    }

    private static string NewStamp() => Guid.NewGuid().ToString();
}
