using Testing;

namespace EndToEnd.Tests.Faults;

/// <summary>A process with a faulty configuration stops at start with every problem listed, exit code 1.</summary>
[Collection(ReplicatedStackCollection.Name)]
public sealed class ConfigurationTests
{
    [Fact]
    public async Task Auth_service_lists_every_problem()
    {
        var log = await RefusedAsync("Faulty configuration: auth-service", stack => stack.AuthService, new()
        {
            ["AuthService__Issuer"] = "not an address",
            ["AuthService__AccessTokenLifetime"] = "5",
            ["AuthService__KeyEncryptionKeys__0"] = "too-short",
            ["AuthService__AcessTokenLifetime"] = "00:05:00",
            ["ConnectionStrings__Users"] = "nowhere",
            ["Redis__KeyPrefix"] = "a{b}:",
        });

        Assert.Contains("AuthService:Issuer", log, StringComparison.Ordinal);
        Assert.Contains("AuthService:AccessTokenLifetime", log, StringComparison.Ordinal);
        Assert.Contains("AuthService:KeyEncryptionKeys:0", log, StringComparison.Ordinal);
        Assert.Contains("AuthService:AcessTokenLifetime", log, StringComparison.Ordinal);
        Assert.Contains("ConnectionStrings:Users", log, StringComparison.Ordinal);
        Assert.Contains("Redis:KeyPrefix", log, StringComparison.Ordinal);
        Assert.DoesNotContain("too-short", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gateway_lists_every_problem()
    {
        var log = await RefusedAsync("Faulty configuration: gateway", stack => stack.Gateway, new()
        {
            ["Gateway__Issuers__0__Authority"] = "not an address",
            ["Gateway__Revocation__MaxStaleness"] = "00:00:00",
            ["Gateway__Identity__TokenLifetime"] = "01:00:00",
            ["Gateway__Identity__KeyEncryptionKeys__0"] = "too-short",
            ["Gateway__Verify__DefaultPolicy"] = "no-such-default",
            ["Redis__KeyPrefix"] = "a{b}:",
            ["ReverseProxy__Routes__faulty__ClusterId"] = "no-such-cluster",
            ["ReverseProxy__Routes__faulty__AuthorizationPolicy"] = "no-such-policy",
            ["ReverseProxy__Routes__faulty__Match__Path"] = "/faulty",
        });

        Assert.Contains("Gateway:Issuers:0:Authority", log, StringComparison.Ordinal);
        Assert.Contains("Gateway:Revocation:MaxStaleness", log, StringComparison.Ordinal);
        Assert.Contains("Gateway:Identity:TokenLifetime", log, StringComparison.Ordinal);
        Assert.Contains("Gateway:Identity:KeyEncryptionKeys:0", log, StringComparison.Ordinal);
        Assert.DoesNotContain("too-short", log, StringComparison.Ordinal);
        Assert.Contains("no-such-default", log, StringComparison.Ordinal);
        Assert.Contains("Redis:KeyPrefix", log, StringComparison.Ordinal);
        Assert.Contains("no-such-cluster", log, StringComparison.Ordinal);
        Assert.Contains("no-such-policy", log, StringComparison.Ordinal);
    }

    private static async Task<string> RefusedAsync(string fault, Func<Stack, ServiceProcess> choose, Dictionary<string, string> settings)
    {
        await using var stack = await Stack.CreateAsync(new StackOptions { GatewayEnvironment = settings, AuthServiceEnvironment = settings });
        var service = choose(stack);

        var tally = new Tally(fault);

        service.Launch();
        var exitCode = await service.ExitedAsync(TestContext.Current.CancellationToken);

        if (exitCode != 1) tally.Add(WrongAnswer.Unrecovered, $"exit code {exitCode}");
        tally.Close();
        return service.ReadLog();
    }
}
