using Microsoft.AspNetCore.Identity;

namespace AuthService.Users;

/// <summary>
/// Runs the slow password hash, always exactly one per check, and never more at a time than there are processors less
/// one: a flood of sign-ins must not keep refreshes from being answered.
/// </summary>
internal sealed class PasswordHashing : IPreparationStep, IDisposable
{
    /// <summary>OWASP's minimum for PBKDF2-HMAC-SHA512 (Password Storage Cheat Sheet).</summary>
    public const int Iterations = 210_000;

    /// <summary>The longest password, in UTF-16 units.</summary>
    public const int MaxLength = 1024;

    private readonly IPasswordHasher<User> _hasher;
    private readonly SemaphoreSlim _slots = new(Math.Max(1, Environment.ProcessorCount - 1));
    private readonly Lazy<string> _nobodysHash;

    public PasswordHashing(IPasswordHasher<User> hasher)
    {
        _hasher = hasher;
        _nobodysHash = new(() => hasher.HashPassword(new User(), Guid.NewGuid().ToString()));
    }

    /// <summary>Makes the hash that stands in for an unknown user's: the first unknown user must not be told by the time
    /// it takes.</summary>
    public Task PrepareAsync(CancellationToken cancellationToken) => RunAsync(() => _nobodysHash.Value, cancellationToken);

    /// <summary>Verifies against the user's hash, or against nobody's for an unknown user, one without a password, or a
    /// password that cannot be one.</summary>
    public async Task<PasswordVerificationResult> VerifyAsync(User? user, string password, CancellationToken cancellationToken)
    {
        var possible = user?.PasswordHash is not null && IsPossible(password);
        var hash = possible ? user!.PasswordHash! : _nobodysHash.Value;
        var text = IsPossible(password) ? password : "";
        var result = await RunAsync(() => _hasher.VerifyHashedPassword(user ?? new User(), hash, text), cancellationToken);
        return possible ? result : PasswordVerificationResult.Failed;
    }

    /// <summary>Hashes a new password.</summary>
    public Task<string> HashAsync(User user, string password, CancellationToken cancellationToken) =>
        RunAsync(() => _hasher.HashPassword(user, password), cancellationToken);

    public void Dispose() => _slots.Dispose();

    /// <summary>Not longer than any password may be, and well-formed UTF-16, which the hash insists on.</summary>
    public static bool IsPossible(string password)
    {
        if (password.Length > MaxLength) return false;
        for (var i = 0; i < password.Length; i++)
        {
            if (!char.IsSurrogate(password[i])) continue;
            if (i + 1 == password.Length || !char.IsSurrogatePair(password[i], password[i + 1])) return false;
            i++;
        }
        return true;
    }

    private async Task<T> RunAsync<T>(Func<T> hash, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(hash, CancellationToken.None);
        }
        finally
        {
            _slots.Release();
        }
    }
}
