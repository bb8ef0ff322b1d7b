using AuthService.Limits;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace AuthService.Users;

/// <summary>
/// Runs the slow password hash, always exactly one per check, and never more at a time than
/// <see cref="SignInLimitOptions.HashesAtOnce"/>: a flood of sign-ins must not keep refreshes from being answered. Who would
/// have to wait long is told at once to come back.
/// </summary>
internal sealed class PasswordHashing : IPreparationStep, IDisposable
{
    /// <summary>OWASP's minimum for PBKDF2-HMAC-SHA512 (Password Storage Cheat Sheet).</summary>
    public const int Iterations = 210_000;

    /// <summary>The longest password, in UTF-16 units.</summary>
    public const int MaxLength = 1024;

    private readonly IPasswordHasher<User> _hasher;
    private readonly SemaphoreSlim _slots;
    private readonly int _most;
    private int _present;
    private readonly Lazy<string> _nobodysHash;

    public PasswordHashing(IPasswordHasher<User> hasher, IOptions<SignInLimitOptions> options)
    {
        _hasher = hasher;
        _slots = new(options.Value.HashesAtOnce);
        _most = options.Value.HashesAtOnce + options.Value.HashesWaiting;
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
        if (Interlocked.Increment(ref _present) > _most)
        {
            Interlocked.Decrement(ref _present);
            throw new PasswordHashingBusyException();
        }
        try
        {
            await _slots.WaitAsync(cancellationToken);
            try
            {
                // On a thread of its own: one of the pool's few would be missing where requests are answered.
                return await Task.Factory.StartNew(hash, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
            finally
            {
                _slots.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _present);
        }
    }
}

/// <summary>More passwords wait to be checked than can be soon. Answered 503 with <c>Retry-After</c>.</summary>
internal sealed class PasswordHashingBusyException() : Exception("Too many passwords wait to be checked.");
