using Testing;

namespace EndToEnd.Tests.Revocation;

/// <summary>What the tests of revocation under faults have in common. They run one after another: each takes times.</summary>
[CollectionDefinition(Name)]
public sealed class Faults
{
    public const string Name = "Revocation under faults";

    /// <summary>Short, so that the tests see what happens after it.</summary>
    public static readonly TimeSpan MaxStaleness = TimeSpan.FromSeconds(4);

    /// <summary>How soon a gateway that reads again refuses what it has missed, and a margin for a busy machine.</summary>
    public static readonly TimeSpan ReadsAgain = TimeSpan.FromSeconds(1.5);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    internal static Task<Stack> StartAsync(int gateways) => Stack.StartAsync(Options(gateways), Cancellation);

    internal static StackOptions Options(int gateways) => new()
    {
        Gateways = gateways,
        GatewayEnvironment = new Dictionary<string, string> { ["Gateway__Revocation__MaxStaleness"] = $"{MaxStaleness:c}" },
    };

    internal static async Task<Answer> HelloAsync(ServiceProcess gateway, string access)
    {
        using var client = Stack.NewClient(gateway.Address);
        return await client.GetAsync("/hello/", access);
    }

    /// <summary>Kills a gateway and starts it again: it knows only what it is told now.</summary>
    internal static async Task StartAfreshAsync(ServiceProcess gateway)
    {
        gateway.Kill();
        await gateway.ExitedAsync(Cancellation);
        await gateway.StartAsync(Cancellation);
    }

    /// <summary>Waits until every gateway lets a live token pass.</summary>
    internal static Task ServesAsync(Stack stack, string access) => Eventually.TrueAsync(
        async () => await PassingAsync(stack, access) == stack.Gateways.Count, "every gateway serves", Cancellation);

    /// <summary>
    /// Ends the session. An answer that counted every gateway binds every gateway at once; one that did not, as soon as
    /// they read again.
    /// </summary>
    internal static async Task<Answer> LogOutAsync(Stack stack, TokenPair tokens)
    {
        var answer = await stack.Client.LogoutAsync(tokens.Access);
        Assert.Equal(200, answer.Status);
        Assert.Equal(1, answer.Json.GetProperty("revoked").GetInt32());
        // One that was killed is counted for a while, but acknowledges nothing any more.
        Assert.True(answer.Json.GetProperty("gateways").GetInt32() >= stack.Gateways.Count, answer.Body);
        if (answer.Json.GetProperty("acknowledged").GetInt32() == stack.Gateways.Count)
            Assert.Equal(0, await PassingAsync(stack, tokens.Access));
        else
            await Eventually.TrueAsync(async _ => await PassingAsync(stack, tokens.Access) == 0, ReadsAgain, () => "a gateway lets a dead token pass", Cancellation);
        return answer;
    }

    /// <summary>
    /// In the aftermath of a fault: repeats the logout as a caller does that is told to try again. Its access token may be
    /// dead by then, so by the refresh token.
    /// </summary>
    internal static async Task LogOutWithRetriesAsync(Stack stack, TokenPair tokens)
    {
        await Eventually.TrueAsync(
            async () => (await stack.Client.PostAsync("/api/token/blacklist/", new { refresh = tokens.Refresh })).Status == 200, "it is logged out", Cancellation);
        await Eventually.TrueAsync(async _ => await PassingAsync(stack, tokens.Access) == 0, ReadsAgain, () => "a gateway lets a dead token pass", Cancellation);
    }

    /// <summary>How many gateways let a token pass. An answer that is cut off because the token died meanwhile is no pass.</summary>
    internal static async Task<int> PassingAsync(Stack stack, string access)
    {
        var passes = await Task.WhenAll(stack.Gateways.Select(async gateway =>
        {
            try
            {
                return (await HelloAsync(gateway, access)).Status == 200;
            }
            catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.Unknown or HttpRequestError.ResponseEnded)
            {
                return false;
            }
        }));
        return passes.Count(passed => passed);
    }
}
