using AuthService.Audit;
using AuthService.Limits;
using AuthService.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;

namespace AuthService.SecondFactor;

/// <summary>What proved the second factor.</summary>
internal enum SecondFactorProof
{
    /// <summary>Nothing did.</summary>
    None,

    /// <summary>A code of the authenticator.</summary>
    Authenticator,

    /// <summary>A recovery code, which is used up now.</summary>
    RecoveryCode,
}

/// <summary>
/// Checks codes. Each is accepted once, on whichever replica: the step of an authenticator's code and the use of a recovery
/// code are conditional writes to the users database.
/// </summary>
internal sealed class SecondFactorService(
    IDbContextFactory<UsersDbContext> databases, Lazy<KeyEncryptionKeyRing> ring, SignInLimit limit, AuditLog audit, AuditOutbox outbox, TimeProvider time)
{
    /// <summary>What the secrets are sealed for, under the user's id.</summary>
    public const string Purpose = "totp-secret";

    /// <summary>Longest code that is looked at.</summary>
    public const int MaxCodeLength = 64;

    /// <summary>Whether the user is asked for a code at sign-in.</summary>
    public static bool IsEnabled(User user) => user.TwoFactorEnabled;

    /// <summary>Checks a code of a user whose password was right. Failures are counted against user and address.</summary>
    /// <exception cref="TooManyRequestsException">The code was not looked at.</exception>
    public async Task<SecondFactorProof> VerifyAsync(Guid userId, string code, string? address, CancellationToken cancellationToken)
    {
        code = code.Trim();
        var proof = Totp.IsCode(code)
            ? await limit.CheckCodeAsync(userId, address, () => VerifyTotpAsync(userId, code, cancellationToken), cancellationToken)
            : await limit.CheckRecoveryCodeAsync(address, () => UseRecoveryCodeAsync(userId, code, cancellationToken), cancellationToken);
        if (proof == SecondFactorProof.None)
            await outbox.RecordAsync(new AuditRecord(AuditTypes.SecondFactorFailed, Actor: null, userId.ToString("D"), ClientId: null, Sid: null), cancellationToken);
        return proof;
    }

    private async Task<SecondFactorProof> VerifyTotpAsync(Guid userId, string code, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var user = await database.Users.AsNoTracking().Where(u => u.Id == userId && u.TwoFactorEnabled)
            .Select(u => new { u.SealedTotpSecret, u.LastTotpStep }).SingleOrDefaultAsync(cancellationToken);
        if (user?.SealedTotpSecret is not { } sealedSecret || FindStep(userId, sealedSecret, code, user.LastTotpStep) is not { } step)
            return SecondFactorProof.None;
        // Of the same code twice at once, one moves the step on.
        var accepted = await database.Users.Where(u => u.Id == userId && u.SealedTotpSecret == sealedSecret && u.LastTotpStep < step)
            .ExecuteUpdateAsync(set => set.SetProperty(u => u.LastTotpStep, step), cancellationToken);
        return accepted == 1 ? SecondFactorProof.Authenticator : SecondFactorProof.None;
    }

    private async Task<SecondFactorProof> UseRecoveryCodeAsync(Guid userId, string code, CancellationToken cancellationToken)
    {
        if (RecoveryCodes.Hash(code) is not { } hash) return SecondFactorProof.None;
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        await using var transaction = await database.Database.BeginTransactionAsync(cancellationToken);
        var used = await database.RecoveryCodes.Where(c => c.UserId == userId && c.CodeHash == hash && c.UsedAtMs == null)
            .ExecuteUpdateAsync(set => set.SetProperty(c => c.UsedAtMs, now), cancellationToken);
        if (used == 0) return SecondFactorProof.None;
        audit.Stage(database, new AuditRecord(AuditTypes.RecoveryCodeUsed, userId.ToString("D"), userId.ToString("D"), ClientId: null, Sid: null));
        await database.SaveChangesAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return SecondFactorProof.RecoveryCode;
    }

    /// <summary>The step of a code, if it is one of the secret's and new.</summary>
    internal long? FindStep(Guid userId, string sealedSecret, string code, long lastStep)
    {
        var secret = ring.Value.Open(Purpose, userId.ToString("D"), sealedSecret);
        try
        {
            return Totp.FindStep(secret, code, time.GetUtcNow(), lastStep);
        }
        finally
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(secret);
        }
    }
}
