using System.Buffers.Text;
using System.Text.Json;
using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>What the tests of faults ask of a system.</summary>
internal static class Checks
{
    /// <summary>Short, so that the tests see what happens after it.</summary>
    public static readonly TimeSpan MaxStaleness = TimeSpan.FromSeconds(3);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The settings that stacks for faults have in common.</summary>
    public static StackOptions Options(int gateways) => new()
    {
        Gateways = gateways,
        GatewayEnvironment = new Dictionary<string, string> { ["Gateway__Revocation__MaxStaleness"] = $"{MaxStaleness:c}" },
        // A retry after the longest fault on a busy machine is no reuse.
        AuthServiceEnvironment = new Dictionary<string, string> { ["AuthService__RefreshGracePeriod"] = "00:02:00" },
    };

    public static async Task<Answer> HelloAsync(ServiceProcess gateway, string access)
    {
        using var client = Stack.NewClient(gateway.Address);
        return await client.GetAsync("/hello/", access);
    }

    /// <summary>
    /// The first answer that is not "try again". A gateway whose process got no time is stale for a moment, and an
    /// auth-service has to find its Redis again: both say so, and a caller waits.
    /// </summary>
    public static async Task<Answer> DecidedAsync(Func<Task<Answer>> ask)
    {
        Answer answer = null!;
        await Eventually.TrueAsync(async () => (answer = await ask()).Status != 503, "it is decided", Cancellation);
        return answer;
    }

    public static string SessionOf(TokenPair tokens)
    {
        using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(tokens.Access.Split('.')[1]));
        return claims.RootElement.GetProperty("sid").GetString()!;
    }

    /// <summary>How many gateways a logout counts.</summary>
    public static async Task<int> CountedAsync(Stack stack)
    {
        var signedIn = await stack.Client.PostAsync("/api/token/", new { username = "alice", password = "alice-password-1" });
        if (signedIn.Status != 200) return 0;
        var answer = await stack.Client.LogoutAsync(signedIn.Tokens.Access);
        return answer.Status == 200 ? answer.Json.GetProperty("gateways").GetInt32() : 0;
    }

    /// <summary>Kills a gateway and starts it again: it knows only what it is told now.</summary>
    public static async Task StartAfreshAsync(ServiceProcess gateway)
    {
        gateway.Kill();
        await gateway.ExitedAsync(Cancellation);
        await gateway.StartAsync(Cancellation);
    }

    /// <summary>Waits until every gateway lets a live token pass.</summary>
    public static Task ServesAsync(Stack stack, string access) => Eventually.TrueAsync(
        async () => await PassingAsync(stack, access) == stack.Gateways.Count, "every gateway serves", Cancellation);

    /// <summary>
    /// Ends the session, as a caller does that is told to try again: then by its refresh token, since the access token may be
    /// dead already. An answer that counted every gateway binds every gateway at once; one that did not, when they read on.
    /// </summary>
    public static async Task LogOutAsync(Stack stack, TokenPair tokens)
    {
        var answer = await stack.Client.LogoutAsync(tokens.Access);
        if (answer.Status == 503) answer = await DecidedAsync(() => stack.Client.PostAsync("/api/token/blacklist/", new { refresh = tokens.Refresh }));
        Assert.Equal(200, answer.Status);
        if (answer.Json.TryGetProperty("acknowledged", out var acknowledged) && acknowledged.GetInt32() >= stack.Gateways.Count)
            Assert.Equal(0, await PassingAsync(stack, tokens.Access));
        await Eventually.TrueAsync(async () => await PassingAsync(stack, tokens.Access) == 0, "no gateway lets a dead token pass", Cancellation);
    }

    /// <summary>How many gateways let a token pass. An answer that is cut off because the token died meanwhile is no pass.</summary>
    public static async Task<int> PassingAsync(Stack stack, string access)
    {
        var passes = await Task.WhenAll(stack.Gateways.Select(async gateway =>
        {
            try
            {
                return (await HelloAsync(gateway, access)).Status == 200;
            }
            catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.Unknown or HttpRequestError.ResponseEnded or HttpRequestError.ConnectionError)
            {
                return false;
            }
        }));
        return passes.Count(passed => passed);
    }
}
