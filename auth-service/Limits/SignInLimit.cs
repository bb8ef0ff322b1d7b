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

    /// <summary>Counts a registration.</summary>
    /// <exception cref="TooManyRequestsException">There were too many from that address.</exception>
    public async Task CountRegistrationAsync(string? address, CancellationToken cancellationToken)
    {
        var wait = await store.TakeAsync(
            1, [new Limit(keys.Registrations(ClientAddress.Network(address)), options.Value.RegistrationsPerAddress, options.Value.Period)], cancellationToken);
        if (wait > TimeSpan.Zero)
            throw new TooManyRequestsException(wait);
    }

    private async Task<Limit[]> LimitsOfAddressAsync(string network, string account, Limit ofAccount, CancellationToken cancellationToken)
    {
        var own = new Limit(keys.SignInsOfAddressAndAccount(network, account), options.Value.FailuresPerAddressAndAccount, options.Value.Period);
        if (await store.IsUsedUpAsync(ofAccount, cancellationToken))
            own = own with { Size = 1, Period = options.Value.Period / AttackedShare };
        return [new Limit(keys.SignInsOfAddress(network), options.Value.FailuresPerAddress, options.Value.Period), own];
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
