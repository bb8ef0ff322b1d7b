namespace Bench.Load;

/// <summary>The figures of one run; a row with a bar ends in <c>ok</c> or <c>missed</c>.</summary>
internal sealed class Table
{
    private readonly TextWriter _output = Console.Out;

    /// <summary>Whether a figure lay above its bar.</summary>
    public bool HasMisses { get; private set; }

    /// <summary>What every contender's turns brought.</summary>
    public void Add(string benchmark, IReadOnlyDictionary<string, Measurements> results)
    {
        _output.WriteLine($"{benchmark,-58} {"CPU µs",8} {"req/s",8} {"p50 µs",8} {"p99 µs",8} {"bytes",8}");
        foreach (var (name, values) in results)
        {
            var bytes = values.Allocated.Count > 0 ? Text(Comparison.Median(values.Allocated)) : "";
            _output.WriteLine(
                $"{name,-58} {Text(Comparison.Median(values.Cpu)),8} {Text(Comparison.Median(values.RequestsPerSecond)),8} {Text(Comparison.Median(values.P50)),8} {Text(Comparison.Median(values.P99)),8} {bytes,8}".TrimEnd());
        }
    }

    public void Header(string benchmark) => _output.WriteLine($"{benchmark,-78} {"value",8} {"bar",8}");

    /// <summary>A figure that must not be above its bar.</summary>
    public void Add(string what, double value, double bar)
    {
        // What was not measured, because only some contenders were asked for, is not judged.
        if (double.IsNaN(value)) return;
        var missed = value > bar;
        HasMisses |= missed;
        _output.WriteLine($"{what,-78} {Text(value),8} {Text(bar),8} {(missed ? "missed" : "ok")}");
    }

    /// <summary>A figure without a bar.</summary>
    public void Add(string what, double value)
    {
        if (!double.IsNaN(value)) _output.WriteLine($"{what,-78} {Text(value),8}");
    }

    private static string Text(double value) => value.ToString(Math.Abs(value) < 10 ? "0.000" : value < 1000 ? "0.0" : "0");
}
