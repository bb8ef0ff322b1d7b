using Gateway.Authentication;
using Testing;

namespace Gateway.Tests.Authentication;

public sealed class TokenTableTests
{
    private static readonly string End = new('s', 32);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Table_after_any_adds_and_removes_equals_the_model(int seed)
    {
        using var signingKey = SigningKey.Create();
        var key = TokenCacheTests.Key(signingKey);
        var random = new Random(seed);
        var table = new TokenTable();
        var model = new Dictionary<string, ValidatedToken>();
        for (var step = 0; step < 30_000; step++)
        {
            // Some differ before their end only, and so are in one chain.
            var number = random.Next(6_000);
            var text = number < 20 ? $"{number:00}{End}" : $"token{number}";
            if (random.Next(3) > 0)
            {
                var token = TokenCacheTests.Entry(text, key);
                Assert.Equal(model.TryAdd(text, token), table.TryAdd(token));
            }
            else if (model.Remove(text, out var removed))
            {
                table.Remove(removed);
            }

            Assert.Equal(model.TryGetValue(text, out var expected), table.TryFind(text, out var found));
            Assert.Same(expected, found);
            Assert.Equal(model.Count, table.Count);
        }

        Assert.True(model.Count > 2_048, $"{model.Count}: the table did not grow twice");
        Assert.All(model, entry => Assert.True(table.TryFind(entry.Key, out var found) && found == entry.Value));
        Assert.Equal(model.Values.ToHashSet(), table.All().ToHashSet());
    }

    [Fact]
    public async Task Readers_beside_the_writer_find_what_stays_and_nothing_else()
    {
        using var signingKey = SigningKey.Create();
        var key = TokenCacheTests.Key(signingKey);
        var table = new TokenTable();
        // All in one chain, between those that come and go.
        var staying = Enumerable.Range(0, 5).Select(i => TokenCacheTests.Entry($"stays{i}{End}", key)).ToArray();
        table.TryAdd(staying[0]);
        await BesideAsync(
            () =>
            {
                Assert.True(table.TryFind($"stays0{End}", out var found) && found == staying[0]);
                Assert.False(table.TryFind($"other{End}", out _));
            },
            () =>
            {
                for (var round = 0; round < 20_000; round++)
                {
                    var coming = Enumerable.Range(0, 4).Select(i => TokenCacheTests.Entry($"goes{i}{End}", key)).ToArray();
                    foreach (var token in coming) Assert.True(table.TryAdd(token));
                    if (round < 4) table.TryAdd(staying[round + 1]);
                    foreach (var token in coming) table.Remove(token);
                }
            });

        Assert.Equal(staying.Length, table.Count);
    }

    [Fact]
    public async Task Readers_beside_a_growing_table_find_the_token_or_none()
    {
        using var signingKey = SigningKey.Create();
        var key = TokenCacheTests.Key(signingKey);
        var table = new TokenTable();
        var staying = TokenCacheTests.Entry($"stays{End}", key);
        table.TryAdd(staying);
        await BesideAsync(
            () =>
            {
                if (table.TryFind($"stays{End}", out var found)) Assert.Same(staying, found);
                Assert.False(table.TryFind($"other{End}", out _));
            },
            () =>
            {
                for (var i = 0; i < 100_000; i++) Assert.True(table.TryAdd(TokenCacheTests.Entry($"token{i}", key)));
            });

        Assert.Equal(100_001, table.Count);
        Assert.True(table.TryFind($"stays{End}", out _));
    }

    /// <summary>Reads again and again while the writer writes.</summary>
    private static async Task BesideAsync(Action read, Action write)
    {
        using var stop = new CancellationTokenSource();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reader = Task.Factory.StartNew(
            () =>
            {
                do
                {
                    read();
                    begun.TrySetResult();
                }
                while (!stop.IsCancellationRequested);
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await Task.WhenAny(begun.Task, reader);
        write();
        await stop.CancelAsync();
        await reader;
    }
}
