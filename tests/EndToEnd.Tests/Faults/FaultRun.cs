using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>
/// One fault under load: begin it, let things fail and be mended, and <see cref="EndAsync"/> it, which waits until all works
/// again and looks at what was kept.
/// </summary>
internal sealed class FaultRun : IAsyncDisposable
{
    private static readonly TimeSpan RecoversWithin = TimeSpan.FromSeconds(30);

    private readonly Tally _tally;
    private readonly Excuses _excuses;
    private Traffic _traffic = null!;
    private bool _closed;

    private FaultRun(Stack stack, string fault, Excuses excuses) => (Stack, _tally, _excuses) = (stack, new Tally(fault), excuses);

    public Stack Stack { get; }

    /// <summary>A session that outlives the fault. Its access token is used all the time, its refresh token not before the end.</summary>
    public TokenPair Alive { get; private set; } = null!;

    /// <summary>A session ended before the fault, as every gateway acknowledged.</summary>
    public TokenPair Dead { get; private set; } = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <param name="fault">Its name in the table.</param>
    /// <param name="stack">The system, whole.</param>
    /// <param name="excuses">What the fault excuses.</param>
    /// <param name="beforeTheEnd">Done when both sessions live, before the one is ended.</param>
    /// <param name="next">Chooses the gateway of each request; without it each gateway gets its own share.</param>
    public static async Task<FaultRun> BeginAsync(
        Stack stack, string fault, Excuses? excuses = null, Func<Task>? beforeTheEnd = null, Func<ServiceProcess>? next = null)
    {
        var run = new FaultRun(stack, fault, excuses ?? Excuses.None)
        {
            Alive = await stack.SignInAsync("alice", cancellationToken: Cancellation),
            Dead = await stack.SignInAsync("bob", cancellationToken: Cancellation),
        };
        await Checks.ServesAsync(stack, run.Dead.Access);
        if (beforeTheEnd is not null) await beforeTheEnd();
        await Checks.LogOutAsync(stack, run.Dead);
        run._traffic = new Traffic(stack, run.Alive.Access, run.Dead.Access, run._tally, run._excuses, next);
        return run;
    }

    /// <summary>Waits for what the system must do again, or still, and counts it if it does not.</summary>
    public async Task RecoversAsync(string what, Func<Task<bool>> condition)
    {
        try
        {
            await Eventually.TrueAsync(_ => condition(), RecoversWithin, () => what, Cancellation);
        }
        catch (TimeoutException)
        {
            _tally.Add(WrongAnswer.Unrecovered, what);
        }
    }

    /// <summary>Every gateway lets the live token pass, now that the fault lasts or is over.</summary>
    public Task ServesAsync(string when) => RecoversAsync($"{when}, every gateway serves", async () => await Checks.PassingAsync(Stack, Alive.Access) == Stack.Gateways.Count);

    /// <summary>The fault is mended: everything works again, nothing was lost, nothing came back. Writes the row.</summary>
    public async Task EndAsync()
    {
        await ServesAsync("afterwards");
        foreach (var gateway in Stack.Gateways)
        {
            using var client = Stack.NewClient(gateway.Address);
            await RecoversAsync($"users sign in through {gateway.Name}", async () => await StatusAsync(() => client.PostAsync("/api/token/", new { username = "alice", password = "alice-password-1" })) == 200);
        }

        await _traffic.StopAsync();
        await CheckLiveAsync();
        await CheckEndedAsync(new EndedSession(Dead, Bound: true));
        foreach (var session in _traffic.Ended) await CheckEndedAsync(session);
        _closed = true;
        _tally.Close();
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        await _traffic.DisposeAsync();
        if (_closed) return;
        _tally.Add(WrongAnswer.Unrecovered, "the test ended before its fault did");
        _tally.Write();
    }

    private async Task CheckLiveAsync()
    {
        var refreshed = await Checks.DecidedAsync(() => Stack.Client.RefreshAsync(Alive.Refresh));
        if (_excuses.SessionsLost && refreshed.Status == 401) await Checks.LogOutAsync(Stack, Alive);
        else if (refreshed.Status != 200) _tally.Add(WrongAnswer.LostState, $"a live session was refreshed: {refreshed}");
        else await Checks.LogOutAsync(Stack, refreshed.Tokens);
    }

    private async Task CheckEndedAsync(EndedSession session)
    {
        foreach (var gateway in Stack.Gateways)
        {
            var answer = await Checks.DecidedAsync(() => Checks.HelloAsync(gateway, session.Tokens.Access));
            if (answer.Status < 400 && session.Bound) _tally.Add(WrongAnswer.AcceptedRevoked, $"{gateway.Name}, after the fault: {answer}");
        }

        // An answer that bound not every gateway binds them as soon as they have read on.
        if (!session.Bound) await RecoversAsync("every gateway refuses what was logged out meanwhile", async () => await Checks.PassingAsync(Stack, session.Tokens.Access) == 0);
        var refreshed = await Checks.DecidedAsync(() => Stack.Client.RefreshAsync(session.Tokens.Refresh));
        if (refreshed.Status != 401) _tally.Add(WrongAnswer.LostState, $"an ended session was refreshed: {refreshed}");
    }

    private static async Task<int> StatusAsync(Func<Task<Answer>> ask)
    {
        try
        {
            return (await ask()).Status;
        }
        catch (HttpRequestException)
        {
            return 0;
        }
    }
}
