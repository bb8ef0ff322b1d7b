namespace Libraries.Tests.RevocationProtocol;

/// <summary>A clock that stands until it is told to go; timers are not supported.</summary>
internal sealed class ManualTime : TimeProvider
{
    private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public long NowMs => _now.ToUnixTimeMilliseconds();

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public void Advance(TimeSpan by) => _now += by;

    public override DateTimeOffset GetUtcNow() => _now;

    /// <summary>What happens while the clock is being looked at.</summary>
    public Action? Read { get; set; }

    public override long GetTimestamp()
    {
        Read?.Invoke();
        return _now.UtcTicks;
    }
}
