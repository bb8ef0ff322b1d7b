using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>
/// What an auth-service answers that does not reach its Redis: try again, and nothing that a retry would not repair. The
/// two sessions are signed in before.
/// </summary>
internal sealed class SessionsAway
{
    private readonly Stack _stack;
    private readonly TokenPair _staying;
    private readonly TokenPair _leaving;

    private SessionsAway(Stack stack, TokenPair staying, TokenPair leaving) => (_stack, _staying, _leaving) = (stack, staying, leaving);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<SessionsAway> PrepareAsync(Stack stack) =>
        new(stack, await stack.SignInAsync(cancellationToken: Cancellation), await stack.SignInAsync("bob", cancellationToken: Cancellation));

    /// <summary>While Redis is away.</summary>
    public async Task AssertNotNowAsync()
    {
        var client = _stack.Client;
        Answer[] answers =
        [
            await client.LogoutAsync(_leaving.Access),
            await client.RefreshAsync(_staying.Refresh),
            await client.PostAsync("/api/token/", new { username = "alice", password = "alice-password-1" }),
        ];
        Assert.All(answers, answer =>
        {
            Assert.Equal(503, answer.Status);
            Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        });
        // That one was never issued is known without Redis.
        var forged = _staying.Refresh[..^5] + (_staying.Refresh[^5] == 'A' ? 'B' : 'A') + _staying.Refresh[^4..];
        Assert.Equal(401, (await client.RefreshAsync(forged)).Status);
    }

    /// <summary>When Redis is back: what was asked is repeated, and done.</summary>
    public async Task AssertRepairedAsync()
    {
        Assert.Equal(200, (await Checks.DecidedAsync(() => _stack.Client.RefreshAsync(_staying.Refresh))).Status);
        Assert.Equal(200, (await Checks.DecidedAsync(() => _stack.Client.PostAsync("/api/token/blacklist/", new { refresh = _leaving.Refresh }))).Status);
        await Eventually.TrueAsync(async () => await Checks.PassingAsync(_stack, _leaving.Access) == 0, "no gateway lets a dead token pass", Cancellation);
        Assert.Equal(401, (await Checks.DecidedAsync(() => _stack.Client.RefreshAsync(_leaving.Refresh))).Status);
    }
}
