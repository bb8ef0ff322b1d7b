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
        using var stop = new CancellationTokenSource();
        table.TryAdd(staying[0]);
        var reader = Task.Run(() =>
        {
            var looks = 0;
            for (; !stop.IsCancellationRequested; looks++)
            {
                Assert.True(table.TryFind($"stays0{End}", out var found) && found == staying[0]);
                Assert.False(table.TryFind($"other{End}", out _));
            }

            return looks;
        });
        for (var round = 0; round < 20_000; round++)
        {
            var coming = Enumerable.Range(0, 4).Select(i => TokenCacheTests.Entry($"goes{i}{End}", key)).ToArray();
            foreach (var token in coming) Assert.True(table.TryAdd(token));
            if (round < 4) table.TryAdd(staying[round + 1]);
            Assert.True(table.TryFind($"stays0{End}", out _));
            foreach (var token in coming) table.Remove(token);
        }

        await stop.CancelAsync();
        Assert.True(await reader > 0);
        Assert.Equal(staying.Length, table.Count);
    }
}
