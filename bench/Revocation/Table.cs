namespace Bench.Revocation;

/// <summary>Prints each figure as it is known, and remembers whether a bar was missed.</summary>
internal sealed class Table
{
    private readonly TextWriter _output = Console.Out;

    public Table() => Print("revocation", "value", "bar", "");

    /// <summary>Whether a figure lay above its bar.</summary>
    public bool HasMisses { get; private set; }

    /// <summary>A figure that must not be above its bar.</summary>
    public void Add(string what, double value, double bar)
    {
        var missed = double.IsNaN(value) || value > bar;
        HasMisses |= missed;
        Print(what, Text(value), Text(bar), missed ? "missed" : "ok");
    }

    /// <summary>A figure without a bar.</summary>
    public void Add(string what, double value) => Print(what, Text(value), "", "");

    private static string Text(double value) => value.ToString(value < 10 && value != Math.Floor(value) ? "0.00" : "0.#");

    private void Print(string what, string value, string bar, string judgement) =>
        _output.WriteLine($"{what,-70} {value,10} {bar,10} {judgement}".TrimEnd());
}
