using RevocationProtocol;

namespace Libraries.Tests.RevocationProtocol.Model;

public sealed class RevocationModelTests
{
    /// <summary>
    /// Random histories with crashes, lost and reordered pushes, lost and late answers, a Redis that comes back as it was,
    /// older or empty, clock steps, joins, sign-offs and stopped processes. To repeat a failure: the seed it names.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(100_000)]
    [InlineData(200_000)]
    [InlineData(300_000)]
    public async Task Protocol_keeps_its_promises_in_any_history(int firstSeed)
    {
        var verdicts = new Dictionary<RevocationVerdict, int>();
        var acknowledged = 0;
        // On a thread without a synchronization context, so that continuations run where they are released.
        await Task.Run(() =>
        {
            for (var seed = firstSeed; seed < firstSeed + 40; seed++)
            {
                var history = new ModelHistory(seed);
                try
                {
                    history.Run(events: 600);
                }
                catch (Exception e)
                {
                    Assert.Fail($"seed {seed}: {e.Message}{Environment.NewLine}{string.Join(Environment.NewLine, history.Log.TakeLast(60))}");
                }
                acknowledged += history.Acknowledged;
                foreach (var (verdict, count) in history.Verdicts)
                    verdicts[verdict] = verdicts.GetValueOrDefault(verdict) + count;
            }
        }, TestContext.Current.CancellationToken);
        // It looked at something.
        Assert.All(Enum.GetValues<RevocationVerdict>(), verdict => Assert.True(verdicts.GetValueOrDefault(verdict) > 1000, $"{verdict}: {verdicts.GetValueOrDefault(verdict)}"));
        Assert.True(acknowledged > 100, $"{acknowledged} acknowledgements");
    }
}
