using RevocationProtocol;

namespace Libraries.Tests.RevocationProtocol;

public class RevocationTableTests
{
    private const long Start = 1_767_225_600_000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Table_any_sequence_of_adds_and_sweeps_equals_the_model(int seed)
    {
        var random = new Random(seed);
        var table = new RevocationTable(Start);
        var model = new Dictionary<UInt128, long>();
        var now = Start;
        for (var step = 0; step < 40_000; step++)
        {
            // Few low bits, so that probing runs into long chains.
            var handle = new UInt128((ulong)random.Next(50), 1 + (ulong)random.Next(4000) * 1024);
            switch (random.Next(10))
            {
                case < 6:
                    var expires = random.Next(50) == 0 ? RevocationEntry.Never : now + random.Next(-2000, random.Next(3) == 0 ? 9_000_000 : 60_000);
                    table.Add(handle, expires);
                    if (Seconds(expires) > Seconds(now, up: false) && Seconds(expires) > Seconds(model.GetValueOrDefault(handle)))
                        model[handle] = expires;
                    break;
                case 6:
                    now += random.Next(100) == 0 ? 6_000_000 : random.Next(3000);
                    table.Sweep(now);
                    foreach (var gone in model.Where(entry => Seconds(entry.Value) <= Seconds(now, up: false)).Select(entry => entry.Key).ToList())
                        model.Remove(gone);
                    break;
                default:
                    Assert.True(model.ContainsKey(handle) == table.Contains(handle), $"seed {seed}, step {step}");
                    break;
            }
            Assert.Equal(model.Count, table.Count);
        }
        Assert.NotEmpty(model);
        Assert.All(model.Keys, handle => Assert.True(table.Contains(handle)));
    }

    [Fact]
    public void Table_a_shorter_expiry_never_shortens_an_entry()
    {
        var table = new RevocationTable(Start);
        table.Add(7, Start + 100_000);
        Assert.False(table.Add(7, Start + 10_000));
        table.Sweep(Start + 50_000);
        Assert.True(table.Contains(7));
        table.Sweep(Start + 101_000);
        Assert.False(table.Contains(7));
    }

    [Fact]
    public async Task Table_readers_beside_the_writer_never_miss_an_entry()
    {
        var table = new RevocationTable(Start);
        using var stop = new CancellationTokenSource();
        var published = 0;
        var missed = 0;
        var readers = Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                var upTo = Volatile.Read(ref published);
                for (var i = Math.Max(1, upTo - 200); i <= upTo; i++)
                {
                    if (!table.Contains(Handle(i)))
                        Interlocked.Increment(ref missed);
                }
            }
        })).ToArray();
        // Grows through every size up to 256 thousand slots, past expiring ones.
        for (var i = 1; i <= 150_000; i++)
        {
            table.Add(Handle(i), RevocationEntry.Never);
            table.Add(Handle(-i), Start + 1000);
            Volatile.Write(ref published, i);
            if (i % 1000 == 0)
                table.Sweep(Start + i);
        }
        await stop.CancelAsync();
        await Task.WhenAll(readers);
        Assert.Equal(0, missed);
        Assert.Equal(150_000, table.Count);
    }

    private static UInt128 Handle(int i) => new((ulong)i * 0x9E3779B97F4A7C15, (ulong)(uint)i * 0xBF58476D1CE4E5B9);

    private static long Seconds(long ms, bool up = true) => ms == RevocationEntry.Never ? ms : (ms + (up ? 999 : 0)) / 1000;
}
