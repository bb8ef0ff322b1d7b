using AuthService.Users;

namespace AuthService.SecondFactor;

/// <summary>What became of the second step of a sign-in. A closed set.</summary>
internal abstract record SecondFactorOutcome
{
    private SecondFactorOutcome()
    {
    }

    /// <summary>No such ticket, or it is used up, too old, or the account has changed: begin again with the password.</summary>
    public sealed record TicketNotValid : SecondFactorOutcome;

    /// <summary>The ticket may be tried again with another code.</summary>
    public sealed record CodeNotValid : SecondFactorOutcome;

    /// <summary>The account may have a session with the client.</summary>
    public sealed record SignedIn(AccountState Account, string ClientId, SecondFactorProof Proof) : SecondFactorOutcome;
}

/// <summary>The second step of a sign-in: a ticket for the right password, and a code.</summary>
internal sealed class SecondFactorSignIn(SecondFactorTickets tickets, SecondFactorService codes, AccountReader accounts)
{
    /// <summary>A ticket for the second step. Its text is for the person who is signing in only.</summary>
    public Task<string> BeginAsync(AccountState account, string clientId, CancellationToken cancellationToken) =>
        tickets.CreateAsync(new SecondFactorTicket(account.Id, clientId, account.SessionEpoch), cancellationToken);

    /// <exception cref="Limits.TooManyRequestsException">The code was not looked at.</exception>
    public async Task<SecondFactorOutcome> CompleteAsync(string ticket, string code, string? address, CancellationToken cancellationToken)
    {
        // The account is read before the code is used up.
        if (await tickets.TakeTryAsync(ticket, cancellationToken) is not { } waiting
            || await accounts.ReadAsync(waiting.UserId, waiting.ClientId, sid: null, cancellationToken)
                is not { Disabled: false, ClientDisabled: false, SecondFactorEnabled: true } account
            || account.SessionEpoch != waiting.SessionEpoch)
            return new SecondFactorOutcome.TicketNotValid();
        var proof = await codes.VerifyAsync(account.Id, code, address, cancellationToken);
        if (proof == SecondFactorProof.None) return new SecondFactorOutcome.CodeNotValid();
        return await tickets.ConsumeAsync(ticket, cancellationToken)
            ? new SecondFactorOutcome.SignedIn(account, waiting.ClientId, proof)
            : new SecondFactorOutcome.TicketNotValid();
    }
}
