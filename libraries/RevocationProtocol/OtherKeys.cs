namespace RevocationProtocol;

/// <summary>
/// Every key in Redis that belongs neither to the revocation protocol (<see cref="RevocationKeys"/>) nor to sessions, with
/// its life. Whoever adds one adds it here. What one script touches together shares a hash tag. None holds anything that
/// an endpoint would accept.
/// </summary>
/// <param name="prefix"><see cref="RedisOptions.KeyPrefix"/>.</param>
public sealed class OtherKeys(string prefix)
{
    /// <summary>
    /// String: when failed sign-ins from an address are forgotten, Unix µs. Lives until then, at most the period of the
    /// limit.
    /// </summary>
    /// <param name="network">IPv4 address or IPv6 /64.</param>
    public string SignInsOfAddress(string network) => $"{prefix}limit:{{{network}}}:sign-in";

    /// <summary>The same for one account from one address; in the slot of <see cref="SignInsOfAddress"/>.</summary>
    /// <param name="network">IPv4 address or IPv6 /64.</param>
    /// <param name="account">Hash of the user name.</param>
    public string SignInsOfAddressAndAccount(string network, string account) => $"{prefix}limit:{{{network}}}:sign-in:{account}";

    /// <summary>The same in a day; in the slot of <see cref="SignInsOfAddress"/>. Lives until forgotten, at most a day.</summary>
    /// <param name="network">IPv4 address or IPv6 /64.</param>
    /// <param name="account">Hash of the user name.</param>
    public string SignInsOfAddressAndAccountADay(string network, string account) => $"{prefix}limit:{{{network}}}:sign-in-a-day:{account}";

    /// <summary>The same for wrong codes of one user's authenticator. Lives until forgotten, at most six periods of the limit.</summary>
    /// <param name="user">User id.</param>
    public string CodesOfUser(string user) => $"{prefix}limit:{{{user}}}:code";

    /// <summary>
    /// Hash: user, client, session epoch and tries of a sign-in that waits for the second factor. Lives 5 minutes, until it
    /// is completed.
    /// </summary>
    /// <param name="ticket">SHA-256 of the ticket, hex.</param>
    public string SecondFactorTicket(string ticket) => $"{prefix}second-factor:{{{ticket}}}";

    /// <summary>The same for one account from all addresses together.</summary>
    /// <param name="account">Hash of the user name.</param>
    public string SignInsOfAccount(string account) => $"{prefix}limit:{{{account}}}:sign-in";

    /// <summary>The same for registrations from an address.</summary>
    /// <param name="network">IPv4 address or IPv6 /64.</param>
    public string Registrations(string network) => $"{prefix}limit:{{{network}}}:registration";

    /// <summary>The same for refreshes, by address or by user.</summary>
    /// <param name="subject">IPv4 address, IPv6 /64 or user id.</param>
    public string Refreshes(string subject) => $"{prefix}limit:{{{subject}}}:refresh";

    /// <summary>
    /// Hash: an authorization or sign-out that waits for its user, bound to one browser. Lives 10 minutes, or until it is
    /// decided.
    /// </summary>
    /// <param name="kind"><c>authorization</c> or <c>sign-out</c>.</param>
    /// <param name="ticketHash">SHA-256 of the ticket, hex.</param>
    public string Ticket(string kind, string ticketHash) => $"{prefix}ticket:{{{ticketHash}}}:{kind}";

    /// <summary>
    /// Hash: an authorization code, in the slot of the session that it begins. Lives 60 s; once redeemed, 10 minutes, to be
    /// known if it is presented again.
    /// </summary>
    /// <param name="partition">First byte of the session id, and of the hash, hex.</param>
    /// <param name="codeHash">SHA-256 of the code, hex.</param>
    public string AuthorizationCode(string partition, string codeHash) => $"{prefix}code:{{{partition}}}:{codeHash}";

    /// <summary>String: a client assertion that was accepted. Lives until the assertion has expired, at most 10 minutes.</summary>
    /// <param name="assertionHash">SHA-256 of client id and <c>jti</c>, hex.</param>
    public string ClientAssertion(string assertionHash) => $"{prefix}assertion:{{{assertionHash}}}";

    /// <summary>As <see cref="SignInsOfAddress"/>, for clients that failed to authenticate.</summary>
    /// <param name="network">IPv4 address or IPv6 /64.</param>
    public string ClientsOfAddress(string network) => $"{prefix}limit:{{{network}}}:client";

    /// <summary>The same for one client from one address; in the slot of <see cref="ClientsOfAddress"/>.</summary>
    /// <param name="network">IPv4 address or IPv6 /64.</param>
    /// <param name="client">Hash of the client id.</param>
    public string ClientsOfAddressAndClient(string network, string client) => $"{prefix}limit:{{{network}}}:client:{client}";

    /// <summary>As <see cref="SignInsOfAddress"/>, for what began to wait for a page.</summary>
    /// <param name="network">IPv4 address or IPv6 /64.</param>
    public string Tickets(string network) => $"{prefix}limit:{{{network}}}:ticket";
}
