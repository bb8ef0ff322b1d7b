namespace AuthService.Tokens;

/// <summary>
/// The issue time of tokens, Unix ms. It is taken before any state that goes into the token is read: a cut-off that is
/// committed later than the read then always lies at or after the issue time, and kills the token.
/// </summary>
internal sealed class IssueClock(TimeProvider time)
{
    /// <summary>Call first, before reading anything.</summary>
    public long Start() => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The start, or 1 ms after the latest cut-off that was read if that is later: a cut-off runs ahead of the
    /// clock by up to <c>MaxClockSkew</c>, and a new sign-in must not fall under it.</summary>
    public static long IssueTime(long startMs, params ReadOnlySpan<long> notBeforeMs)
    {
        foreach (var cutOff in notBeforeMs) startMs = Math.Max(startMs, cutOff + 1);
        return startMs;
    }
}
