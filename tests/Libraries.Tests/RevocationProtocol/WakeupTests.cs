using RevocationProtocol;

namespace Libraries.Tests.RevocationProtocol;

public sealed class WakeupTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(10);

    private readonly Wakeup _wakeup = new(TimeProvider.System);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Call_wakes_the_worker_that_waits()
    {
        var waiting = _wakeup.WaitAsync(Long, Cancellation);
        Assert.False(waiting.IsCompleted);
        _wakeup.Call();

        Assert.True(await waiting);
    }

    [Fact]
    public async Task Calls_while_it_works_wake_it_once_more()
    {
        _wakeup.Call();
        _wakeup.Call();

        Assert.True(await _wakeup.WaitAsync(Long, Cancellation));
        Assert.False(await _wakeup.WaitAsync(TimeSpan.FromMilliseconds(1), Cancellation));
    }

    [Fact]
    public async Task Interval_that_is_over_or_a_stop_ends_the_wait_and_loses_no_call()
    {
        using var stop = new CancellationTokenSource();
        var waiting = _wakeup.WaitAsync(Long, stop.Token);
        await stop.CancelAsync();
        Assert.False(await waiting);

        _wakeup.Call();
        Assert.False(await _wakeup.WaitAsync(TimeSpan.Zero, Cancellation));
        Assert.False(await _wakeup.WaitAsync(TimeSpan.FromSeconds(-1), Cancellation));
        Assert.True(await _wakeup.WaitAsync(Long, Cancellation));
    }
}
