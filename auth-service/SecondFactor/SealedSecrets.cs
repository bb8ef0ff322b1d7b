using AuthService.Users;
using KeyEncryption;
using Microsoft.EntityFrameworkCore;

namespace AuthService.SecondFactor;

/// <summary>Seals the authenticators' secrets anew after a start with a new first key, so that the old one may then go.</summary>
internal sealed class SealedSecrets(IDbContextFactory<UsersDbContext> databases, Lazy<KeyEncryptionKeyRing> ring) : IPreparationStep
{
    private const int Batch = 200;

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        // Without one there is nothing that a key would be needed for.
        if (!await database.Users.AnyAsync(u => u.SealedTotpSecret != null, cancellationToken)) return;
        var present = FirstKeyPrefix();
        var after = Guid.Empty;
        while (true)
        {
            var rows = await database.Users.AsNoTracking().Where(u => u.SealedTotpSecret != null && !u.SealedTotpSecret.StartsWith(present) && u.Id > after)
                .OrderBy(u => u.Id).Take(Batch).Select(u => new { u.Id, u.SealedTotpSecret }).ToListAsync(cancellationToken);
            if (rows.Count == 0) return;
            foreach (var row in rows)
            {
                var id = row.Id.ToString("D");
                var resealed = ring.Value.Seal(SecondFactorService.Purpose, id, ring.Value.Open(SecondFactorService.Purpose, id, row.SealedTotpSecret!));
                await database.Users.Where(u => u.Id == row.Id && u.SealedTotpSecret == row.SealedTotpSecret)
                    .ExecuteUpdateAsync(set => set.SetProperty(u => u.SealedTotpSecret, resealed), cancellationToken);
            }
            after = rows[^1].Id;
        }
    }

    /// <summary>Version and fingerprint, with which every envelope of the first key begins.</summary>
    private string FirstKeyPrefix() => string.Join('.', ring.Value.Seal(SecondFactorService.Purpose, "-", []).Split('.')[..2]) + ".";
}
