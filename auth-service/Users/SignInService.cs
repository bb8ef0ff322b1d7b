using AuthService.Audit;
using AuthService.Limits;

namespace AuthService.Users;

/// <summary>What became of a sign-in with user name and password. A closed set.</summary>
internal abstract record SignInOutcome
{
    private SignInOutcome()
    {
    }

    /// <summary>Wrong password, no such user, disabled user: nobody is told which.</summary>
    public sealed record Failed : SignInOutcome;

    /// <summary>The password was right; the account asks for a code too, and until then nobody has signed in.</summary>
    public sealed record SecondFactorRequired(AccountState Account) : SignInOutcome;

    /// <summary>The account may have a session.</summary>
    public sealed record SignedIn(AccountState Account) : SignInOutcome;
}

/// <summary>Sign-in with user name and password: limited, checked, and a failure recorded. Success is recorded by whoever
/// begins the session or the browser's sign-in, in the same step.</summary>
internal sealed class SignInService(PasswordCheck passwords, SignInLimit limit, AuditOutbox audit)
{
    /// <param name="address">See <see cref="Sessions.ClientAddress"/>.</param>
    /// <exception cref="TooManyRequestsException">The password was not looked at.</exception>
    /// <exception cref="System.Data.Common.DbException">The database is away, see <see cref="UsersDatabaseFaults"/>.</exception>
    /// <exception cref="RevocationProtocol.RedisUnavailableException">Redis is away; the password was not looked at.</exception>
    public async Task<SignInOutcome> SignInAsync(string userName, string password, string clientId, string? address, CancellationToken cancellationToken)
    {
        Guid? userId = null;
        var account = await limit.CheckAsync(UserNames.Normalize(userName), address, CheckAsync, cancellationToken);
        if (account is null)
        {
            // A name that nobody has is not recorded: people type passwords into that field.
            await audit.RecordAsync(new AuditRecord(AuditTypes.SignInFailed, Actor: null, userId?.ToString("D"), clientId, Sid: null), cancellationToken);
            return new SignInOutcome.Failed();
        }
        return account.SecondFactorEnabled ? new SignInOutcome.SecondFactorRequired(account) : new SignInOutcome.SignedIn(account);

        async Task<AccountState?> CheckAsync()
        {
            var result = await passwords.CheckAsync(userName, password, clientId, cancellationToken);
            userId = result.UserId;
            return result.Account;
        }
    }
}
