using AuthService.Users;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace AuthService.SigningKeys;

/// <summary>
/// When keys change by themselves: the next is announced, becomes active, retires the one before, and that goes when its
/// last token is over. Every replica runs it; the one that gets the lock first does what is due.
/// </summary>
internal sealed partial class SigningKeySchedule(
    IDbContextFactory<UsersDbContext> databases, SigningKeyStore store, SigningKeyAudit audit, IOptions<SigningKeyOptions> options, IOptions<AuthServiceOptions> service,
    TimeProvider time, ILogger<SigningKeySchedule> logger)
{
    /// <summary>
    /// How long a key is published after its last token has expired: a replica that has not heard yet signs with it for up
    /// to <see cref="SigningKeySet.MaxAge"/> more, and gateways may allow a clock skew of 5 minutes.
    /// </summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(10);

    /// <summary>Does what is due, and answers when something is due next.</summary>
    public async Task<DateTimeOffset?> AdvanceAsync(CancellationToken cancellationToken)
    {
        List<SigningKeyRow> rows;
        KeyTimes times;
        await using (var database = await databases.CreateDbContextAsync(cancellationToken))
        {
            rows = await database.SigningKeys.AsNoTracking().Where(key => SigningKeyState.Published.Contains(key.State)).ToListAsync(cancellationToken);
            times = await ReadTimesAsync(database, cancellationToken);
        }
        if (times.FirstDue(rows) is { } due && due <= time.GetUtcNow())
        {
            await using var locked = await LockedSigningKeys.LockAsync(databases, cancellationToken);
            await AdvanceAsync(locked, times, cancellationToken);
            await locked.CommitAsync(cancellationToken);
            rows = locked.Rows;
        }
        return times.FirstDue(rows);
    }

    /// <summary>Announces the next key, unless one is announced already. Answers the one that is.</summary>
    public SigningKeyRow Announce(LockedSigningKeys locked, string? actor)
    {
        if (locked.Announced is { } announced) return announced;
        var next = store.Make(SigningKeyState.Announced);
        locked.Add(next);
        audit.Created(locked.Database, next, actor);
        return next;
    }

    /// <summary>The times of all keys, as settings and the longest life of tokens have it.</summary>
    public async Task<KeyTimes> ReadTimesAsync(UsersDbContext database, CancellationToken cancellationToken)
    {
        var longestMs = await database.CutOffs.Where(row => row.Id == CutOff.All).Select(row => row.LongestTokenLifeMs).SingleOrDefaultAsync(cancellationToken);
        var present = service.Value.AccessTokenLifetime + service.Value.MaxClockSkew;
        var longest = TimeSpan.FromMilliseconds(Math.Max(longestMs, present.TotalMilliseconds));
        return new KeyTimes(options.Value.RotationPeriod, options.Value.AnnouncePeriod, longest + Margin);
    }

    private async Task AdvanceAsync(LockedSigningKeys locked, KeyTimes times, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var nowMs = now.ToUnixTimeMilliseconds();
        foreach (var row in locked.Rows.Where(row => row.State == SigningKeyState.Retiring && times.GoesAt(row) <= now))
        {
            Log.Moved(logger, row.Kid, row.State, SigningKeyState.Gone);
            row.MoveTo(SigningKeyState.Gone, nowMs);
        }
        var active = locked.Active;
        if (locked.Announced is { } next)
        {
            if (times.ActivatesAt(next) > now) return;
            Log.Moved(logger, active.Kid, active.State, SigningKeyState.Retiring);
            active.MoveTo(SigningKeyState.Retiring, nowMs);
            audit.Retired(locked.Database, active, actor: null);
            Log.Moved(logger, next.Kid, next.State, SigningKeyState.Active);
            await locked.ActivateAsync(next, nowMs, cancellationToken);
            audit.Activated(locked.Database, next, actor: null);
        }
        else if (times.AnnouncesNextAt(active) <= now)
        {
            Announce(locked, actor: null);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(2101, LogLevel.Information, "Signing key {Kid} goes from {From} to {To}")]
        public static partial void Moved(ILogger logger, string kid, string from, string to);
    }
}

/// <summary>When keys come into their next state.</summary>
/// <param name="RotationPeriod">How long a key signs; 0: until it is told otherwise.</param>
/// <param name="AnnouncePeriod">How long a key is published before it signs.</param>
/// <param name="RetirePeriod">How long it is published after it signed.</param>
internal sealed record KeyTimes(TimeSpan RotationPeriod, TimeSpan AnnouncePeriod, TimeSpan RetirePeriod)
{
    /// <summary>When an announced key becomes active.</summary>
    public DateTimeOffset ActivatesAt(SigningKeyRow announced) => Since(announced) + AnnouncePeriod;

    /// <summary>When the successor of the active key is announced; null if only by hand.</summary>
    public DateTimeOffset? AnnouncesNextAt(SigningKeyRow active) => RotationPeriod == TimeSpan.Zero ? null : Since(active) + RotationPeriod - AnnouncePeriod;

    /// <summary>When a retiring key goes.</summary>
    public DateTimeOffset GoesAt(SigningKeyRow retiring) => Since(retiring) + RetirePeriod;

    /// <summary>When a key comes into its next state; null if nothing is planned.</summary>
    public DateTimeOffset? NextChangeOf(SigningKeyRow key, IReadOnlyCollection<SigningKeyRow> all) => key.State switch
    {
        SigningKeyState.Announced => ActivatesAt(key),
        SigningKeyState.Active => all.FirstOrDefault(other => other.State == SigningKeyState.Announced) is { } next
            ? ActivatesAt(next)
            : AnnouncesNextAt(key) + AnnouncePeriod,
        SigningKeyState.Retiring => GoesAt(key),
        _ => null,
    };

    /// <summary>When the first change of any key is due.</summary>
    public DateTimeOffset? FirstDue(IReadOnlyCollection<SigningKeyRow> all) => all.Min(key => key.State switch
    {
        SigningKeyState.Active => all.Any(other => other.State == SigningKeyState.Announced) ? null : AnnouncesNextAt(key),
        _ => NextChangeOf(key, all),
    });

    private static DateTimeOffset Since(SigningKeyRow key) => DateTimeOffset.FromUnixTimeMilliseconds(key.StateSinceMs);
}
