using System.Diagnostics;
using System.Security.Cryptography;
using RevocationProtocol;
using StackExchange.Redis;

namespace AuthService.Sessions;

/// <summary>
/// Sessions in Redis. Every method is one script, decided there (<see cref="SessionScripts"/>); all throw
/// <see cref="RedisUnavailableException"/> when Redis does not answer, and repeating any of them is safe.
/// </summary>
internal sealed class SessionStore(SessionsConnection connection, SessionKeys keys, SessionScripts scripts, SessionPolicy policy)
{
    private readonly RedisConnection _redis = connection.Redis;

    /// <summary>Longest user agent that is kept. A record's size must not be the client's choice.</summary>
    private const int MaxUserAgentLength = 256;

    /// <summary>How many sessions a list shows.</summary>
    private const int MaxListed = 200;

    /// <summary>Begins a session with a new random id.</summary>
    public async Task<StartedSession> StartAsync(NewSession session, CancellationToken cancellationToken)
    {
        var sid = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SessionKeys.SidLength / 2));
        var eventId = Guid.NewGuid().ToString("D");
        var expires = (long)await _redis.EvaluateAsync(
            scripts.Start,
            [keys.Session(sid), keys.AuditOutbox(SessionKeys.Partition(sid))],
            [.. BeginArguments(session), sid, eventId, session.AuditType, Activity.Current?.TraceId.ToHexString() ?? ""],
            cancellationToken);
        await IndexAsync(session.UserId, sid, expires, cancellationToken);
        return new StartedSession(sid, new RefreshToken(sid, session.UserId, session.ClientId, Generation: 1, expires), eventId);
    }

    /// <summary>Shows a session that another script began in its user's list.</summary>
    public Task IndexAsync(Guid userId, string sid, long expiresMs, CancellationToken cancellationToken) =>
        _redis.EvaluateAsync(scripts.AddToIndex, [keys.UserSessions(userId)], [sid, expiresMs], cancellationToken);

    /// <summary>Presents a genuine token for refresh: moves the session on, repeats its last step, or ends it.</summary>
    /// <param name="sessionEpoch">The user's epoch as the database has it.</param>
    public async Task<RotationOutcome> RotateAsync(RefreshToken token, long sessionEpoch, SessionActor by, CancellationToken cancellationToken)
    {
        var result = (RedisResult[])(await _redis.EvaluateAsync(
            scripts.Rotate,
            [.. KeysOf(token.Sid), keys.AuditOutbox(SessionKeys.Partition(token.Sid))],
            [
                .. Presented(token, sessionEpoch), token.Sid, NewEntryId(), policy.Issuer, policy.LongestTokenLifeMs, by.Address ?? "",
                by.TraceId ?? "", policy.AuditRefreshes ? 1 : 0,
            ],
            cancellationToken))!;
        var kind = (string?)result[0] switch
        {
            "refused" => RotationKind.Refused,
            "rotated" => RotationKind.Rotated,
            "repeated" => RotationKind.Repeated,
            "moved" => RotationKind.MovedForward,
            "reused" => RotationKind.Reused,
            "future" => RotationKind.FromTheFuture,
            var other => throw new InvalidOperationException($"The session script answered '{other}'."),
        };
        return kind switch
        {
            RotationKind.Refused => new RotationOutcome(kind),
            RotationKind.Reused or RotationKind.FromTheFuture => new RotationOutcome(kind, OutboxId: (string?)result[1]),
            _ => new RotationOutcome(
                kind, token with { Generation = (long)result[1], SessionExpiresMs = (long)result[4] }, (string)result[2]!, (long)result[3]),
        };
    }

    /// <summary>Whether a genuine token would be answered with tokens now. Changes nothing; a used-up token harms nobody here.</summary>
    public async Task<bool> IsLiveAsync(RefreshToken token, long sessionEpoch, CancellationToken cancellationToken) =>
        (bool)await _redis.EvaluateAsync(scripts.IsLive, KeysOf(token.Sid), Presented(token, sessionEpoch), cancellationToken);

    /// <summary>Ends a session, also one that Redis has lost. The caller publishes the outbox entry.</summary>
    /// <param name="expiresMs">The session's absolute expiry if it is known from elsewhere; null to assume the longest.</param>
    public async Task<SessionEnding> EndAsync(
        string sid, Guid userId, string clientId, long? expiresMs, SessionEndReason reason, SessionActor by, CancellationToken cancellationToken)
    {
        var result = (RedisResult[])(await _redis.EvaluateAsync(
            scripts.EndSession,
            KeysOf(sid),
            [
                Text(userId), clientId, sid, Name(reason), NewEntryId(), policy.Issuer, policy.LongestTokenLifeMs, expiresMs ?? 0,
                Milliseconds(policy.LongestSession), by.Actor ?? "", by.Address ?? "", by.TraceId ?? "",
            ],
            cancellationToken))!;
        return new SessionEnding((bool)result[0], SessionKeys.Partition(sid), result.Length > 1 ? (string?)result[1] : null);
    }

    /// <summary>
    /// Lets one session pass under the user's next epoch too, for a short while: called before the change that raises the
    /// epoch is committed, so that no refresh of the excepted session falls between the two.
    /// </summary>
    public async Task<bool> AllowEpochAsync(string sid, Guid userId, long epoch, long nextEpoch, CancellationToken cancellationToken) =>
        (bool)await _redis.EvaluateAsync(
            scripts.AllowEpoch, [keys.Session(sid)], [Text(userId), epoch, nextEpoch, Milliseconds(TimeSpan.FromSeconds(30))], cancellationToken);

    /// <summary>Stamps a live session with the epoch that was committed; called after the change.</summary>
    public async Task<bool> StampEpochAsync(string sid, Guid userId, long epoch, long nextEpoch, CancellationToken cancellationToken) =>
        (bool)await _redis.EvaluateAsync(scripts.StampEpoch, [keys.Session(sid)], [Text(userId), epoch, nextEpoch], cancellationToken);

    /// <summary>Removes a session whose end stands in the database and is published: its record is for nothing any more.</summary>
    public Task ForgetAsync(string sid, Guid userId, CancellationToken cancellationToken) =>
        _redis.EvaluateAsync(scripts.Forget, [keys.Session(sid)], [Text(userId)], cancellationToken);

    /// <summary>The user's live sessions of one epoch, those first that live longest. For showing: the index may miss some.</summary>
    public Task<IReadOnlyList<SessionInfo>> ListAsync(Guid userId, long sessionEpoch, CancellationToken cancellationToken) =>
        ListAsync(userId, sessionEpoch, MaxListed, cancellationToken);

    /// <summary>What a user has beyond <paramref name="allowed"/> sessions of one epoch, the oldest first.</summary>
    public async Task<IEnumerable<SessionInfo>> ListOldestAsync(Guid userId, long sessionEpoch, int allowed, CancellationToken cancellationToken)
    {
        var all = await ListAsync(userId, sessionEpoch, most: -1, cancellationToken);
        return all.OrderBy(session => session.CreatedAt).Take(all.Count - allowed);
    }

    /// <summary>A live session of the user; null if there is none of that id, or it is another's.</summary>
    public async Task<SessionInfo?> FindAsync(string sid, Guid userId, CancellationToken cancellationToken)
    {
        var result = await _redis.EvaluateAsync(scripts.Show, [keys.Session(sid)], [Text(userId)], cancellationToken);
        if (result.IsNull)
            return null;
        var fields = (string[])result!;
        return new SessionInfo(
            sid, fields[0], long.Parse(fields[1]), Time(fields[2]), Time(fields[3]), Time(fields[4]), Known(fields[5]), Known(fields[6]), fields[7]);
    }

    /// <summary>Whose session it is or, as long as Redis remembers it, was; null if it knows none of that id.</summary>
    public async Task<SessionOwner?> FindOwnerAsync(string sid, CancellationToken cancellationToken)
    {
        var result = await _redis.EvaluateAsync(scripts.Owner, [keys.Session(sid)], [], cancellationToken);
        return result.IsNull ? null : new SessionOwner(Guid.Parse(((string[])result!)[0]), ((string[])result!)[1]);
    }

    private async Task<IReadOnlyList<SessionInfo>> ListAsync(Guid userId, long sessionEpoch, int most, CancellationToken cancellationToken)
    {
        var sids = (string[])(await _redis.EvaluateAsync(scripts.ReadIndex, [keys.UserSessions(userId)], [most], cancellationToken))!;
        var sessions = await Task.WhenAll(sids.Select(sid => FindAsync(sid, userId, cancellationToken)));
        RedisValue[] gone = [.. sids.Where((_, i) => sessions[i] is null)];
        if (gone.Length > 0)
            await _redis.EvaluateAsync(scripts.RemoveFromIndex, [keys.UserSessions(userId)], gone, cancellationToken);
        return [.. sessions.OfType<SessionInfo>().Where(session => session.SessionEpoch == sessionEpoch)];
    }

    /// <summary>ARGV of <see cref="SessionScripts.Begin"/>.</summary>
    internal static RedisValue[] BeginArguments(NewSession session) =>
    [
        Text(session.UserId), session.ClientId, session.Scope, session.SessionEpoch, session.AuthTimeSeconds, Milliseconds(session.Idle),
        Milliseconds(session.Absolute), session.Address ?? "", Shorten(session.UserAgent ?? ""),
    ];

    private RedisKey[] KeysOf(string sid) => [keys.Session(sid), keys.Outbox(SessionKeys.Partition(sid))];

    private RedisValue[] Presented(RefreshToken token, long sessionEpoch) =>
        [Text(token.UserId), token.ClientId, sessionEpoch, token.Generation, Milliseconds(policy.GracePeriod)];

    /// <summary>Outbox entries are applied once each, by this id.</summary>
    private static RedisValue NewEntryId() => Guid.NewGuid().ToString("D");

    private static RedisValue Text(Guid userId) => userId.ToString("D");

    private static long Milliseconds(TimeSpan span) => (long)span.TotalMilliseconds;

    private static string? Known(string text) => text.Length == 0 ? null : text;

    private static string Shorten(string userAgent) => userAgent.Length <= MaxUserAgentLength ? userAgent : userAgent[..MaxUserAgentLength];

    private static DateTimeOffset Time(string milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(milliseconds));

    private static string Name(SessionEndReason reason) => reason switch
    {
        SessionEndReason.LoggedOut => "logged_out",
        SessionEndReason.EndedByUser => "ended_by_user",
        SessionEndReason.EndedByAdministrator => "ended_by_administrator",
        SessionEndReason.TokenRevoked => "token_revoked",
        SessionEndReason.TokenReused => "token_reused",
        SessionEndReason.CodeReused => "code_reused",
        SessionEndReason.TooMany => "too_many",
        _ => throw new ArgumentOutOfRangeException(nameof(reason)),
    };
}
