namespace AuthService.Limits;

/// <summary>
/// Settings of the section <c>AuthService:SignInLimit</c>. Each limit is a bucket that all replicas share: so many at once,
/// and it is whole again after <see cref="Period"/>, steadily: of 20 in 10 minutes, one comes back every 30 s. Whoever is
/// over a limit is answered 429 with <c>Retry-After</c>. A limit of 0 is off.
/// </summary>
internal sealed class SignInLimitOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = AuthServiceOptions.Section + ":SignInLimit";

    /// <summary>In what time a used-up limit is whole again. Default 10 minutes; 1 second to 1 day.</summary>
    public required TimeSpan Period { get; init; }

    /// <summary>Failed sign-ins and password checks from one address (IPv6: one /64), whoever's they are. Default 100.
    /// Many people may share one address; behind a proxy that is not in <c>AuthService:TrustedProxies</c>, all do.</summary>
    public required int FailuresPerAddress { get; init; }

    /// <summary>Failed sign-ins to one account from one address. Default 20, and ten times as many in a day. A try
    /// counts until it is known to be right, so that no more than these run at a time either.</summary>
    public required int FailuresPerAddressAndAccount { get; init; }

    /// <summary>Failed codes of one user's authenticator, after the right password, from all addresses together. Default 10;
    /// whole again after six <see cref="Period"/>s. Recovery codes do not count.</summary>
    public required int CodeFailuresPerUser { get; init; }

    /// <summary>Failed sign-ins to one account from all addresses together, above which each address has but one in a
    /// tenth of <see cref="Period"/> for it. Default 100. The right password at the first try passes in any case.</summary>
    public required int FailuresPerAccount { get; init; }

    /// <summary>Registrations from one address, refused ones included. Default 50.</summary>
    public required int RegistrationsPerAddress { get; init; }

    /// <summary>Clients that failed to authenticate at the OAuth endpoints, from one address. Default 1000. Services behind
    /// one address share it.</summary>
    public required int ClientFailuresPerAddress { get; init; }

    /// <summary>Failures of one client from one address. Default 50.</summary>
    public required int ClientFailuresPerAddressAndClient { get; init; }

    /// <summary>Authorizations and sign-outs from one address that began to wait for a page. Default 3000. Each takes some 2 KB in
    /// Redis for 10 minutes.</summary>
    public required int TicketsPerAddress { get; init; }

    /// <summary>Refreshes from one address. Default 60000, which is 100 a second.</summary>
    public required int RefreshesPerAddress { get; init; }

    /// <summary>Successful refreshes of one user, all sessions together. Default 6000, which is 10 a second.</summary>
    public required int RefreshesPerUser { get; init; }

    /// <summary>Password hashes computed at a time in one process; each keeps one processor busy for some 100 ms.
    /// Default half the processors, at least 1. Not shared between replicas, and never off: at least 1.</summary>
    public required int HashesAtOnce { get; init; }

    /// <summary>Password hashes that may wait for their turn; the next is answered 503 with <c>Retry-After</c> at once.
    /// Default 32 for each of <see cref="HashesAtOnce"/>, which is about 3 s. 0: none waits.</summary>
    public required int HashesWaiting { get; init; }
}
