using Testing;

namespace Libraries.Tests.Kit;

public sealed class RedisFixtureTests
{
    [Fact]
    public async Task Restart_without_persistence_comes_back_empty_with_another_run_id()
    {
        await using var redis = new RedisFixture();
        await redis.StartAsync();
        await redis.RunCliAsync("set", "a", "1");
        var before = await RunIdAsync(redis);

        await redis.RestartAsync();

        Assert.Equal("", await redis.RunCliAsync("get", "a"));
        Assert.NotEqual(before, await RunIdAsync(redis));
    }

    [Fact]
    public async Task Restore_brings_the_data_of_the_snapshot_back()
    {
        await using var redis = new RedisFixture();
        await redis.StartAsync();
        await redis.RunCliAsync("set", "a", "older");
        var snapshot = await redis.SnapshotAsync();
        await redis.RunCliAsync("set", "a", "newer");

        await redis.RestoreAsync(snapshot);

        Assert.Equal("older", await redis.RunCliAsync("get", "a"));
    }

    [Fact]
    public async Task Kill_with_an_append_only_file_loses_nothing()
    {
        await using var redis = new RedisFixture { AppendOnly = true };
        await redis.StartAsync();
        await redis.RunCliAsync("set", "a", "1");

        await redis.KillAsync();
        await redis.StartAsync();

        Assert.Equal("1", await redis.RunCliAsync("get", "a"));
    }

    private static async Task<string> RunIdAsync(RedisFixture redis) =>
        (await redis.RunCliAsync("info", "server")).Split('\n').Single(line => line.StartsWith("run_id:", StringComparison.Ordinal)).Trim();
}
