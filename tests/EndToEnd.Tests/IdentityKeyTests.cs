using System.Text.Json;
using Testing;

namespace EndToEnd.Tests;

/// <summary>The keys of identity tokens among real gateways, and what becomes of them without Redis.</summary>
public sealed class IdentityKeyTests
{
    private const string Keys = "/.well-known/identity-jwks.json";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Gateways_share_one_key_serve_on_without_redis_and_do_not_start_without_it()
    {
        await using var stack = await Stack.StartAsync(new StackOptions { Gateways = 3 }, Cancellation);
        var access = (await stack.SignInAsync(cancellationToken: Cancellation)).Access;
        var shared = await KeysAsync(stack.Gateways[0]);
        Assert.Single(JsonDocument.Parse(shared).RootElement.GetProperty("keys").EnumerateArray());
        foreach (var gateway in stack.Gateways)
        {
            Assert.Equal(shared, await KeysAsync(gateway));
            Assert.Contains("X-Identity-Token", await EchoAsync(gateway, access), StringComparison.Ordinal);
        }

        Assert.StartsWith("ke1.", await stack.Redis.RunCliAsync("hvals", "gw:identity-keys"), StringComparison.Ordinal);
        await stack.Gateways[2].RestartAsync(Cancellation);
        Assert.Equal(shared, await KeysAsync(stack.Gateways[2]));

        await stack.Redis.KillAsync();
        Assert.Equal(shared, await KeysAsync(stack.Gateways[0]));
        Assert.Contains("X-Identity-Token", await EchoAsync(stack.Gateways[1], access), StringComparison.Ordinal);
        stack.Gateways[2].Kill();
        await stack.Gateways[2].ExitedAsync(Cancellation);
        stack.Gateways[2].Launch();
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        var reasons = await Eventually.ValueAsync(
            async () =>
            {
                try
                {
                    using var answer = await client.GetAsync(stack.Gateways[2].Readiness, Cancellation);
                    Assert.Equal(503, (int)answer.StatusCode);
                    return await answer.Content.ReadAsStringAsync(Cancellation);
                }
                catch (HttpRequestException)
                {
                    return null;
                }
            },
            "the gateway says why it is not ready",
            Cancellation);
        Assert.Contains("identity-keys", reasons, StringComparison.Ordinal);

        // Redis is back, empty: the gateways that know the key put it there before the new one is asked.
        await stack.Redis.StartAsync();
        await stack.Gateways[2].ReadyAsync(Cancellation);
        await Eventually.TrueAsync(async () => (await KeysAsync(stack.Gateways[2])).Contains(Kid(shared), StringComparison.Ordinal), "the known key is shared again", Cancellation);
    }

    private static string Kid(string keys) => JsonDocument.Parse(keys).RootElement.GetProperty("keys")[0].GetProperty("kid").GetString()!;

    private static async Task<string> KeysAsync(ServiceProcess gateway)
    {
        using var client = Stack.NewClient(gateway.Address);
        return await client.GetStringAsync(Keys, Cancellation);
    }

    private static async Task<string> EchoAsync(ServiceProcess gateway, string access)
    {
        using var client = Stack.NewClient(gateway.Address);
        client.DefaultRequestHeaders.Authorization = new("Bearer", access);
        return await client.GetStringAsync("/echo/x", Cancellation);
    }
}
