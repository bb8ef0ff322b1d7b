using Microsoft.Extensions.Options;
using RevocationProtocol;
using ServiceHosting;
using StackExchange.Redis;

namespace AuthService.Tokens;

/// <summary>
/// Compares this replica's clock with Redis <c>TIME</c>, the clock all replicas share. A replica that is off by more than
/// half of <c>AuthService:MaxClockSkew</c> is not ready: two such replicas could be further apart than cut-offs allow for,
/// and a token issued by one could outlive a cut-off made by the other.
/// </summary>
internal sealed partial class ClockSkewCheck(
    RedisConnection revocations, SessionsConnection sessions, RevocationKeys keys, IOptions<AuthServiceOptions> options, TimeProvider time, ILogger<ClockSkewCheck> logger)
    : BackgroundService, IReadinessCheck
{
    private const string Script = "return redis.call('TIME')";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public string Name => "clock";

    public string? NotReadyReason { get; private set; } = "The clock has not been compared with Redis yet.";

    /// <summary>How far Redis is ahead of the clock, beyond what the time of asking leaves open. The bounds are those of
    /// the moment Redis read its clock: not before <paramref name="sent"/>, not after <paramref name="received"/>.</summary>
    internal static TimeSpan Skew(DateTimeOffset sent, DateTimeOffset received, DateTimeOffset redis) =>
        redis > received ? redis - received : redis < sent ? redis - sent : TimeSpan.Zero;

    /// <summary>While Redis does not answer nothing is known anew; what was found last stands.</summary>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        RepeatedWork.RunAsync("Comparing the clock with Redis", Interval, CompareAsync, logger, time, stoppingToken);

    private async Task CompareAsync(CancellationToken cancellationToken)
    {
        var worst = TimeSpan.Zero;
        foreach (var redis in new[] { revocations, sessions.Redis }.Distinct())
        {
            var sent = time.GetUtcNow();
            var answer = (RedisValue[])(await redis.EvaluateAsync(Script, [keys.Marker], [], cancellationToken))!;
            var received = time.GetUtcNow();
            var now = DateTimeOffset.FromUnixTimeSeconds((long)answer[0]).AddMicroseconds((long)answer[1]);
            var skew = Skew(sent, received, now);
            if (skew.Duration() > worst.Duration()) worst = skew;
        }
        var allowed = options.Value.MaxClockSkew / 2;
        var reason = worst.Duration() <= allowed ? null
            : $"The clock is {worst.Duration().TotalMilliseconds:0} ms {(worst > TimeSpan.Zero ? "behind" : "ahead of")} Redis; half of AuthService:MaxClockSkew, {allowed.TotalMilliseconds:0} ms, is allowed. Synchronise the clocks.";
        if (reason is not null && NotReadyReason is null) Log.Skewed(logger, worst.TotalMilliseconds);
        NotReadyReason = reason;
    }

    private static partial class Log
    {
        [LoggerMessage(2200, LogLevel.Error, "Redis' clock is {Milliseconds} ms ahead of this one, more than half of AuthService:MaxClockSkew; the service is not ready")]
        public static partial void Skewed(ILogger logger, double milliseconds);
    }
}
