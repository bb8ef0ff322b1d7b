using AuthService.Revocation;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using RevocationProtocol;

namespace AuthService.SigningKeys;

/// <summary>A signing key, for showing. Nothing of it is secret.</summary>
/// <param name="State">One of <see cref="SigningKeyState"/>.</param>
/// <param name="Withdrawn">Whether it was taken out of use in an emergency, and its tokens are revoked.</param>
/// <param name="ActivatedAt">When it first signed; null if it has not.</param>
/// <param name="RetiredAt">When it ceased to sign; null if it has not.</param>
/// <param name="GoneAt">When it was published no longer; null while it is.</param>
/// <param name="NextChangeAt">When it comes into its next state by itself; null if it stays as it is.</param>
internal sealed record SigningKeyInfo(
    string Kid, string Algorithm, string State, bool Withdrawn, DateTimeOffset CreatedAt, DateTimeOffset? ActivatedAt, DateTimeOffset? RetiredAt,
    DateTimeOffset? GoneAt, DateTimeOffset? NextChangeAt);

/// <summary>What came of a withdrawal.</summary>
/// <param name="Withdrawn">The keys that were withdrawn now: empty if the key had been before.</param>
/// <param name="Active">The key that signs from now on.</param>
/// <param name="Receipt">Which gateways refuse the tokens already.</param>
internal sealed record SigningKeyWithdrawal(IReadOnlyList<string> Withdrawn, SigningKeyInfo Active, RevocationReceipt Receipt);

/// <summary>Changes signing keys by hand. Every change is one transaction with its audit event, and safe to repeat.</summary>
internal sealed partial class SigningKeyRotation(
    IDbContextFactory<UsersDbContext> databases, SigningKeyStore store, SigningKeySchedule schedule, SigningKeyNews news, SigningKeyAudit audit,
    RevocationService revocation, IOptions<AuthServiceOptions> options, TimeProvider time, ILogger<SigningKeyRotation> logger)
{
    /// <summary>All keys there ever were, the newest first.</summary>
    public async Task<IReadOnlyList<SigningKeyInfo>> ListAsync(CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var times = await schedule.ReadTimesAsync(database, cancellationToken);
        var rows = await database.SigningKeys.AsNoTracking().OrderByDescending(key => key.CreatedAtMs).ToListAsync(cancellationToken);
        return rows.ConvertAll(row => Info(row, rows, times));
    }

    /// <summary>
    /// Announces the next key now. It signs after <c>AnnouncePeriod</c>, and no request fails by it. Answers the announced
    /// key: the one of before, if there is one already.
    /// </summary>
    /// <param name="actor">Who asks for it, for the audit event.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<SigningKeyInfo> RotateAsync(string? actor, CancellationToken cancellationToken)
    {
        SigningKeyInfo announced;
        await using (var locked = await LockedSigningKeys.LockAsync(databases, cancellationToken))
        {
            var row = schedule.Announce(locked, actor);
            announced = Info(row, locked.Rows, await schedule.ReadTimesAsync(locked.Database, cancellationToken));
            await locked.CommitAsync(cancellationToken);
        }
        await ServeAsync();
        return announced;
    }

    /// <summary>
    /// Takes a key out of use at once, because somebody else may have it: every token it signed is refused at every gateway
    /// from then on, for ever. Of the active key, a new one takes the place, and an announced one, which lay beside it, is
    /// withdrawn too. Answers null if there never was such a key.
    /// </summary>
    /// <param name="kid">The key.</param>
    /// <param name="actor">Who asks for it, for the audit event.</param>
    /// <param name="cancellationToken">Gives up; not any more once it is committed.</param>
    /// <exception cref="RedisUnavailableException">Redis is known to be away; nothing was changed.</exception>
    public async Task<SigningKeyWithdrawal?> WithdrawAsync(string kid, string? actor, CancellationToken cancellationToken)
    {
        revocation.EnsureAvailable();
        List<string> withdrawn = [];
        SigningKeyInfo active;
        await using (var locked = await LockedSigningKeys.LockAsync(databases, cancellationToken))
        {
            if (locked.Rows.Find(row => row.Kid == kid) is not { } key) return null;
            if (!key.Withdrawn) await WithdrawAsync(locked, key, actor, withdrawn, cancellationToken);
            active = Info(locked.Active, locked.Rows, await schedule.ReadTimesAsync(locked.Database, cancellationToken));
            await locked.CommitAsync(cancellationToken);
        }
        // From here on it has happened: the caller going away must not keep it from being published.
        var publishing = revocation.PublishStagedAsync(CancellationToken.None);
        await ServeAsync();
        return new SigningKeyWithdrawal(withdrawn, active, await publishing);
    }

    private async Task WithdrawAsync(
        LockedSigningKeys locked, SigningKeyRow key, string? actor, List<string> withdrawn, CancellationToken cancellationToken)
    {
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        var wasActive = key.State == SigningKeyState.Active;
        foreach (var row in wasActive && locked.Announced is { } announced ? [key, announced] : (SigningKeyRow[])[key])
        {
            Log.Withdrawn(logger, row.Kid, row.State);
            row.MoveTo(SigningKeyState.Gone, nowMs);
            row.Withdrawn = true;
            RevocationService.Stage(
                locked.Database, new RevocationEntry(options.Value.Issuer, RevocationKind.Kid, row.Kid, CutOffMs: 0, ExceptSid: null, RevocationEntry.Never));
            audit.Withdrawn(locked.Database, row, actor);
            withdrawn.Add(row.Kid);
        }
        if (!wasActive) return;
        var next = store.Make(SigningKeyState.Active);
        await locked.ActivateAsync(next, nowMs, cancellationToken);
        audit.Created(locked.Database, next, actor);
    }

    /// <summary>Serves the keys as they are now, and says so. The change stands whatever fails here: every replica reads the
    /// keys again within seconds.</summary>
    private async Task ServeAsync()
    {
        try
        {
            await store.LoadAsync(CancellationToken.None);
            await news.TellAsync(CancellationToken.None);
        }
        catch (Exception e) when (UsersDatabaseFaults.IsAway(e))
        {
            SigningKeyWorker.Log.Kept(logger, e);
        }
    }

    private static SigningKeyInfo Info(SigningKeyRow row, IReadOnlyCollection<SigningKeyRow> all, KeyTimes times) => new(
        row.Kid, row.Algorithm, row.State, row.Withdrawn, Time(row.CreatedAtMs)!.Value, Time(row.ActivatedAtMs), Time(row.RetiredAtMs), Time(row.GoneAtMs),
        times.NextChangeOf(row, all));

    private static DateTimeOffset? Time(long? ms) => ms is { } value ? DateTimeOffset.FromUnixTimeMilliseconds(value) : null;

    private static partial class Log
    {
        [LoggerMessage(2103, LogLevel.Warning, "Signing key {Kid}, {State} until now, is withdrawn: every token it signed is revoked")]
        public static partial void Withdrawn(ILogger logger, string kid, string state);
    }
}
