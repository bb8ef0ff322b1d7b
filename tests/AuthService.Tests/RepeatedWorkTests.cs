using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using RevocationProtocol;
using Testing;

namespace AuthService.Tests;

public sealed class RepeatedWorkTests : IDisposable
{
    private readonly RecordedLogs _logs = new();
    private readonly ConcurrentQueue<Exception> _failures = new();
    private int _done;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _logs.Dispose();

    [Fact]
    public async Task Work_that_fails_for_whatever_reason_is_done_again_until_the_service_stops()
    {
        foreach (var failure in (Exception[])[new FormatException(), new RedisUnavailableException("away"), new OperationCanceledException(), new InvalidOperationException("broken")])
            _failures.Enqueue(failure);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);

        var running = RepeatedWork.RunAsync("Work", TimeSpan.FromMilliseconds(1), WorkAsync, _logs.CreateLogger("work"), TimeProvider.System, stop.Token);
        await Eventually.TrueAsync(() => Volatile.Read(ref _done) > 3, "the work is done again", Cancellation);
        await stop.CancelAsync();
        await running;

        Assert.Equal([LogLevel.Error, LogLevel.Warning, LogLevel.Error, LogLevel.Error], _logs.Entries.Select(entry => entry.Level));
    }

    [Fact]
    public async Task Failure_that_lasts_is_said_once()
    {
        for (var i = 0; i < 10; i++) _failures.Enqueue(new RedisUnavailableException("away"));
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);

        var running = RepeatedWork.RunAsync("Work", TimeSpan.FromMilliseconds(1), WorkAsync, _logs.CreateLogger("work"), TimeProvider.System, stop.Token);
        await Eventually.TrueAsync(() => Volatile.Read(ref _done) > 0, "the work is done", Cancellation);
        await stop.CancelAsync();
        await running;

        Assert.Equal([LogLevel.Warning], _logs.Entries.Select(entry => entry.Level));
    }

    private Task WorkAsync(CancellationToken cancellationToken)
    {
        if (_failures.TryDequeue(out var failure)) return Task.FromException(failure);
        Interlocked.Increment(ref _done);
        return Task.CompletedTask;
    }
}
