using System.Security.Cryptography;
using System.Text;
using AuthService.Sessions;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.Limits;

/// <summary>
/// Slows the guessing of passwords, and locks nobody out: what counts is failures, and whoever made them is the address
/// they came from. A try is counted before the password is looked at and taken back when it was right, so that tries at
/// one moment, on any replica, are not more than tries one after the other.
/// </summary>
internal sealed class SignInLimit(LimitStore store, OtherKeys keys, IOptions<SignInLimitOptions> options)
{
    /// <summary>With an account under attack from many addresses, each has one failure in this part of the period.</summary>
    private const int AttackedShare = 10;

    /// <summary>Failures from one address with one account in a day, in multiples of those at once: whoever goes on and on
    /// waits longer and longer.</summary>
    private const int DayShare = 10;

    /// <summary>In how many periods the failed codes of a user are forgotten.</summary>
    private const int CodePeriods = 6;

    /// <summary>Runs a password check if address and account have a failure left.</summary>
    /// <param name="userName">User name in any form that is the same for every way of writing the name; it need not exist.</param>
    /// <param name="address">The client's address; see <see cref="ClientAddress"/>.</param>
    /// <param name="check">Answers null if the password was wrong.</param>
    /// <param name="cancellationToken">Cancellation. A try that is given up has failed.</param>
    /// <exception cref="TooManyRequestsException">The password was not looked at.</exception>
    /// <exception cref="RedisUnavailableException">Redis did not answer; the password was not looked at.</exception>
    public async Task<T?> CheckAsync<T>(string userName, string? address, Func<Task<T?>> check, CancellationToken cancellationToken)
        where T : class
    {
        var account = AccountKey(userName);
        var network = ClientAddress.Network(address);
        var ofAccount = new Limit(keys.SignInsOfAccount(account), options.Value.FailuresPerAccount, options.Value.Period);
        var ofAddress = await LimitsOfAddressAsync(network, account, ofAccount, cancellationToken);
        var wait = await store.TakeAsync(1, ofAddress, cancellationToken);
        if (wait > TimeSpan.Zero)
            throw new TooManyRequestsException(wait);

        T? result;
        try
        {
            result = await check();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Our own trouble is nobody's failure.
            await TryAsync(() => store.GiveBackAsync(ofAddress, CancellationToken.None));
            throw;
        }
        await TryAsync(() => result is null
            ? store.TakeAsync(1, [ofAccount], CancellationToken.None)
            : store.GiveBackAsync(ofAddress, CancellationToken.None));
        return result;
    }

    /// <summary>
    /// Runs the check of an authenticator's code if user and address have a failure left. A million codes are few: whoever
    /// knows the password may try so many and no more, from however many addresses. That can keep the owner's own code from
    /// being looked at for a while; a recovery code is looked at in any case.
    /// </summary>
    /// <exception cref="TooManyRequestsException">The code was not looked at.</exception>
    /// <exception cref="RedisUnavailableException">Redis did not answer; the code was not looked at.</exception>
    public Task<T> CheckCodeAsync<T>(Guid userId, string? address, Func<Task<T>> check, CancellationToken cancellationToken)
        where T : struct, Enum => CheckAsync(
            [[new Limit(keys.CodesOfUser(userId.ToString("N")), options.Value.CodeFailuresPerUser, options.Value.Period * CodePeriods)], [OfAddress(ClientAddress.Network(address))]],
            check, cancellationToken);

    /// <summary>The same for a recovery code, of which there are too many to be guessed.</summary>
    /// <exception cref="TooManyRequestsException">The code was not looked at.</exception>
    /// <exception cref="RedisUnavailableException">Redis did not answer; the code was not looked at.</exception>
    public Task<T> CheckRecoveryCodeAsync<T>(string? address, Func<Task<T>> check, CancellationToken cancellationToken)
        where T : struct, Enum => CheckAsync([[OfAddress(ClientAddress.Network(address))]], check, cancellationToken);

    /// <summary>Counts a registration.</summary>
    /// <exception cref="TooManyRequestsException">There were too many from that address.</exception>
    public async Task CountRegistrationAsync(string? address, CancellationToken cancellationToken)
    {
        var wait = await store.TakeAsync(
            1, [new Limit(keys.Registrations(ClientAddress.Network(address)), options.Value.RegistrationsPerAddress, options.Value.Period)], cancellationToken);
        if (wait > TimeSpan.Zero)
            throw new TooManyRequestsException(wait);
    }

    /// <summary>A try is counted, and taken back if the check's outcome is not the default, failure.</summary>
    private async Task<T> CheckAsync<T>(Limit[][] slots, Func<Task<T>> check, CancellationToken cancellationToken)
        where T : struct, Enum
    {
        var taken = new List<Limit[]>();
        var failed = false;
        try
        {
            foreach (var limits in slots)
            {
                var wait = await store.TakeAsync(1, limits, cancellationToken);
                if (wait > TimeSpan.Zero)
                    throw new TooManyRequestsException(wait);
                taken.Add(limits);
            }
            var result = await check();
            failed = EqualityComparer<T>.Default.Equals(result, default);
            return result;
        }
        catch (OperationCanceledException)
        {
            // A try that is given up has failed.
            failed = true;
            throw;
        }
        finally
        {
            foreach (var limits in failed ? [] : taken)
                await TryAsync(() => store.GiveBackAsync(limits, CancellationToken.None));
        }
    }

    private Limit OfAddress(string network) => new(keys.SignInsOfAddress(network), options.Value.FailuresPerAddress, options.Value.Period);

    private async Task<Limit[]> LimitsOfAddressAsync(string network, string account, Limit ofAccount, CancellationToken cancellationToken)
    {
        var own = new Limit(keys.SignInsOfAddressAndAccount(network, account), options.Value.FailuresPerAddressAndAccount, options.Value.Period);
        if (await store.IsUsedUpAsync(ofAccount, cancellationToken))
            own = own with { Size = 1, Period = options.Value.Period / AttackedShare };
        var aDay = new Limit(
            keys.SignInsOfAddressAndAccountADay(network, account), options.Value.FailuresPerAddressAndAccount * DayShare, TimeSpan.FromDays(1));
        return [OfAddress(network), own, aDay];
    }

    /// <summary>What is lost here when Redis goes away meanwhile is one count, for at most the period.</summary>
    private static async Task TryAsync(Func<Task> count)
    {
        try
        {
            await count();
        }
        catch (RedisUnavailableException)
        {
            // The sign-in itself says so, if it needs Redis any more.
        }
    }

    /// <summary>Shortens any name to one length. Not the name itself: people type passwords into that field.</summary>
    private static string AccountKey(string userName) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(userName.ToUpperInvariant())).AsSpan(0, 16));
}
