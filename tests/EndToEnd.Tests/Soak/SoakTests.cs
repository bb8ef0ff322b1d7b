using System.Diagnostics;
using System.Globalization;
using Testing;

namespace EndToEnd.Tests.Soak;

/// <summary>
/// New tokens on new connections, again and again: memory stays where it was after the warm-up. Some seconds in every run
/// of the tests; <c>tests/run.sh soak 10</c> makes it ten minutes, on a system of its own.
/// </summary>
public sealed class SoakTests(StackFixture fixture)
{
    private const string Minutes = "SOAK_MINUTES";
    private const int Workers = 4;

    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(10);

    private int _requests;
    private int _sessions;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Memory_is_steady_under_churn_of_tokens_and_connections()
    {
        if (Environment.GetEnvironmentVariable(Minutes) is not { Length: > 0 } minutes)
        {
            await ChurnAsync(fixture.Stack, Shortest, slack: 64);
            return;
        }

        // Tokens that are soon over: what is remembered of them is forgotten within the warm-up.
        await using var stack = await Stack.StartAsync(
            new StackOptions { AuthServiceEnvironment = new Dictionary<string, string> { ["AuthService__AccessTokenLifetime"] = "00:00:30" } }, Cancellation);
        await ChurnAsync(stack, TimeSpan.FromMinutes(double.Parse(minutes, CultureInfo.InvariantCulture)), slack: 24);
    }

    /// <param name="stack">The system.</param>
    /// <param name="time">How long.</param>
    /// <param name="slack">By how much the last third may lie above the one in the middle, MiB.</param>
    private async Task ChurnAsync(Stack stack, TimeSpan time, int slack)
    {
        var began = Stopwatch.GetTimestamp();
        bool Goes() => Stopwatch.GetElapsedTime(began) < time;
        var workers = Enumerable.Range(0, Workers).Select(_ => Task.Run(() => LiveAsync(stack, Goes))).ToList();
        ServiceProcess[] services = [stack.Gateway, stack.AuthService];
        var samples = services.Select(_ => new List<double>()).ToList();
        while (Goes())
        {
            for (var i = 0; i < services.Length; i++) samples[i].Add(AnonymousMiB(services[i]));
            await Task.Delay(TimeSpan.FromMilliseconds(200), Cancellation);
        }

        await Task.WhenAll(workers);
        for (var i = 0; i < services.Length; i++) Check(services[i].Name, samples[i], slack);
    }

    private void Check(string service, List<double> samples, int slack)
    {
        var third = samples.Count / 3;
        var (warm, last) = (Median(samples.GetRange(third, third)), Median(samples.GetRange(2 * third, third)));
        var figures = string.Create(
            CultureInfo.InvariantCulture,
            $"{service}: {samples[0]:0.0} MiB at first, {warm:0.0} in the middle, {last:0.0} at last, {samples.Max():0.0} at most; {_requests} requests, {_sessions} sessions");
        TestContext.Current.TestOutputHelper?.WriteLine(figures);
        if (Environment.GetEnvironmentVariable("SOAK_TABLE") is { Length: > 0 } file) File.AppendAllText(file, figures + "\n");
        Assert.True(last - warm < slack, figures);
    }

    /// <summary>Sessions that begin, are refreshed, and end; every request on a connection of its own.</summary>
    private async Task LiveAsync(Stack stack, Func<bool> goes)
    {
        while (goes())
        {
            var tokens = await stack.SignInAsync(cancellationToken: Cancellation);
            Interlocked.Increment(ref _sessions);
            for (var i = 0; i < 50 && goes(); i++)
            {
                // One that connects and leaves.
                using (await RawConnection.ConnectAsync(stack.Address, Cancellation))
                {
                }

                using var client = Stack.NewClient(stack.Address);
                Assert.Equal(200, (await Faults.Checks.DecidedAsync(() => client.GetAsync("/hello/", tokens.Access))).Status);
                tokens = (await Faults.Checks.DecidedAsync(() => client.RefreshAsync(tokens.Refresh))).Tokens;
                Interlocked.Add(ref _requests, 2);
            }

            await Faults.Checks.DecidedAsync(() => stack.Client.LogoutAsync(tokens.Access));
        }
    }

    /// <summary>Memory of its own: heap, native allocations and stacks, without what files back.</summary>
    private static double AnonymousMiB(ServiceProcess service)
    {
        var line = File.ReadLines($"/proc/{service.ProcessId}/status").Single(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1024;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
