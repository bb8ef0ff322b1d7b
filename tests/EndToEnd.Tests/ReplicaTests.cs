using Testing;

namespace EndToEnd.Tests;

/// <summary>Several gateways and several auth-services on one database, started together on an empty one.</summary>
public sealed class ReplicaTests
{
    [Fact]
    public Task Replicas_on_one_sqlite_file_act_as_one() => CheckAsync(database: null);

    [Fact]
    public async Task Replicas_on_one_postgresql_database_act_as_one()
    {
        Assert.SkipWhen(PostgresFixture.MissingReason is not null, PostgresFixture.MissingReason ?? "");
        await using var postgres = new PostgresFixture();
        await postgres.StartAsync();

        await CheckAsync(await postgres.CreateDatabaseAsync());
    }

    [Fact]
    public async Task Replicas_on_a_Redis_Cluster_and_PostgreSQL_act_as_one()
    {
        Assert.SkipWhen(PostgresFixture.MissingReason is not null, PostgresFixture.MissingReason ?? "");
        await using var postgres = new PostgresFixture();
        await using var cluster = new RedisClusterFixture();
        await Task.WhenAll(postgres.StartAsync(), cluster.StartAsync());

        await CheckAsync(await postgres.CreateDatabaseAsync(), cluster.Endpoints, gateways: 3);
        // Both sessions and revocations are there, and not in the stack's own Redis.
        Assert.NotEqual("", string.Concat(await Task.WhenAll(cluster.Nodes.Select(node => node.RunCliAsync("keys", "gw:*")))));
    }

    private static async Task CheckAsync(string? database, string? redis = null, int gateways = 2)
    {
        var environment = new Dictionary<string, string>();
        if (redis is not null) environment["Redis__ConnectionString"] = redis;
        await using var stack = await Stack.StartAsync(new StackOptions { Gateways = gateways, AuthServices = 2, Database = database, Environment = environment });
        using var a = Stack.NewClient(stack.AuthServices[0].Address);
        using var b = Stack.NewClient(stack.AuthServices[1].Address);
        using var second = Stack.NewClient(stack.Gateways[1].Address);

        // One signing key, though both started on an empty database.
        Assert.Equal((await a.GetAsync("/.well-known/jwks.json", access: null)).Body, (await b.GetAsync("/.well-known/jwks.json", access: null)).Body);

        // What one issued the other takes; at the same time, too.
        var first = (await a.PostAsync("/api/token/", new { username = "alice", password = "alice-password-1" })).Tokens;
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => (i % 2 == 0 ? a : b).RefreshAsync(first.Refresh)));
        Assert.All(answers, answer => Assert.Equal(200, answer.Status));
        var successor = Assert.Single(answers.Select(answer => answer.Tokens.Refresh).Distinct());

        // What one ends is over at the other and at every gateway.
        var access = answers[0].Tokens.Access;
        Assert.Equal(200, (await second.GetAsync("/hello/", access)).Status);
        var logout = await a.LogoutAsync(access);
        Assert.Equal($$"""{"revoked":1,"gateways":{{gateways}},"acknowledged":{{gateways}},"durable":true}""", logout.Body);
        Assert.Equal(401, (await b.RefreshAsync(successor)).Status);
        foreach (var gateway in stack.Gateways)
        {
            using var client = Stack.NewClient(gateway.Address);
            Assert.Equal("token_revoked", (await client.GetAsync("/hello/", access)).Code);
        }

        await Eventually.TrueAsync(
            async _ => (await b.VerifyAsync(access)).Status == 401, TimeSpan.FromSeconds(1), () => "the other replica still says yes", TestContext.Current.CancellationToken);
    }
}
