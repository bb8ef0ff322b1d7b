using System.Collections.Concurrent;
using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>
/// Requests without pause while things fail: at every gateway with a live token and a revoked one, and a user who signs in,
/// refreshes and logs out, and tries again where told so.
/// </summary>
internal sealed class Traffic : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan UserPause = TimeSpan.FromMilliseconds(100);

    private readonly Stack _stack;
    private readonly Tally _tally;
    private readonly Excuses _excuses;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<EndedSession> _ended = new();
    private readonly Task[] _running;
    private int _refused;
    private int _passed;

    /// <param name="stack">Its gateways are asked.</param>
    /// <param name="alive">A token that lives throughout.</param>
    /// <param name="dead">A revoked one.</param>
    /// <param name="tally">Counts the answers.</param>
    /// <param name="excuses">What the fault excuses.</param>
    /// <param name="next">Chooses the gateway of each request; without it each gateway gets its own share.</param>
    public Traffic(Stack stack, string alive, string dead, Tally tally, Excuses excuses, Func<ServiceProcess>? next)
    {
        (_stack, _tally, _excuses) = (stack, tally, excuses);
        var turn = 0;
        _running =
        [
            .. stack.Gateways.Select(gateway => Task.Run(() => KnockAsync(next ?? (() => gateway), alive, dead))),
            Task.Run(() => LiveAsync(next ?? (() => stack.Gateways[turn++ % stack.Gateways.Count]))),
        ];
    }

    /// <summary>The sessions whose logout was answered.</summary>
    public IReadOnlyCollection<EndedSession> Ended => _ended;

    /// <summary>Ends it, and fails if it was none.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
        Assert.True(_refused > 20 && _passed > 20, $"only {_refused} refusals and {_passed} passes were seen");
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task KnockAsync(Func<ServiceProcess> next, string alive, string dead)
    {
        using var asker = new Asker(_tally, _excuses);
        while (!_stop.IsCancellationRequested)
        {
            var gateway = next();
            if (await asker.HelloAsync(gateway, dead) is { } refused)
            {
                if (refused.Status < 400) _tally.Add(WrongAnswer.AcceptedRevoked, $"{gateway.Name}: {refused}");
                else Interlocked.Increment(ref _refused);
            }

            if (await PassesAsync(asker, next(), alive)) Interlocked.Increment(ref _passed);
            await PauseAsync(Pause);
        }
    }

    private async Task<bool> PassesAsync(Asker asker, ServiceProcess gateway, string access)
    {
        var answer = await asker.HelloAsync(gateway, access);
        if (answer is { Status: not 200 }) _tally.Add(WrongAnswer.RefusedLive, $"{gateway.Name}: {answer}");
        return answer is { Status: 200 };
    }

    /// <summary>One user's days.</summary>
    private async Task LiveAsync(Func<ServiceProcess> next)
    {
        using var asker = new Asker(_tally, _excuses);
        while (!_stop.IsCancellationRequested)
        {
            if (await EntitledAsync(() => asker.SignInAsync(next(), "bob"), mayBeLost: false) is not { } first) continue;
            await PassesAsync(asker, next(), first.Tokens.Access);
            if (await EntitledAsync(() => asker.RefreshAsync(next(), first.Tokens.Refresh), _excuses.SessionsLost || _excuses.SessionsOlder) is not { } second) continue;
            await PassesAsync(asker, next(), second.Tokens.Access);
            await EndAsync(asker, next, second.Tokens);
        }
    }

    private async Task EndAsync(Asker asker, Func<ServiceProcess> next, TokenPair tokens)
    {
        var answer = await asker.LogOutAsync(next(), tokens.Access);
        if (answer is { Status: not 200 }) _tally.Add(WrongAnswer.UnauthorizedForUnavailable, $"logout: {answer}");
        var bound = answer is { Status: 200 } && answer.Json.GetProperty("acknowledged").GetInt32() >= _stack.Gateways.Count;
        // The access token may be dead by now, though nobody said so.
        if (answer is null && await EntitledAsync(() => asker.BlacklistAsync(next(), tokens.Refresh), mayBeLost: false) is null) return;
        var session = new EndedSession(tokens, bound);
        _ended.Enqueue(session);
        if (bound && await asker.HelloAsync(next(), tokens.Access) is { Status: < 400 } passed)
            _tally.Add(WrongAnswer.AcceptedRevoked, $"after an answer that bound every gateway: {passed}");
    }

    /// <summary>Repeats what is told to try again; null when the traffic ends before, or the session was lost.</summary>
    private async Task<Answer?> EntitledAsync(Func<Task<Answer?>> ask, bool mayBeLost)
    {
        while (!_stop.IsCancellationRequested)
        {
            await PauseAsync(UserPause);
            if (await ask() is not { } answer) continue;
            if (answer.Status == 200) return answer;
            if (!mayBeLost) _tally.Add(WrongAnswer.UnauthorizedForUnavailable, $"{answer}");
            return null;
        }

        return null;
    }

    private Task PauseAsync(TimeSpan pause) => Task.Delay(pause, _stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
}

/// <param name="Bound">Whether the answer to its logout said that every gateway knows.</param>
internal sealed record EndedSession(TokenPair Tokens, bool Bound);
