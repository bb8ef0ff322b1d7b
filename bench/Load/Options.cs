using System.Globalization;

namespace Bench.Load;

/// <summary>How much is measured.</summary>
/// <param name="Rounds">How often each contender has its turn.</param>
/// <param name="Seconds">Length of a turn.</param>
/// <param name="Only">Only these contenders; empty for all.</param>
internal sealed record Options(int Rounds, int Seconds, IReadOnlyList<string> Only)
{
    // A machine changes its pace, a virtual one for half a minute at a time: many short turns see the same of it.
    private const int DefaultRounds = 12;
    private const int DefaultSeconds = 2;

    public static Options Read(string[] arguments, int rounds = DefaultRounds)
    {
        int[] numbers = [.. arguments.TakeWhile(argument => argument != "--only").Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
        return new Options(numbers.Length > 0 ? numbers[0] : rounds, numbers.Length > 1 ? numbers[1] : DefaultSeconds, arguments.Length > numbers.Length ? arguments[^1].Split(';') : []);
    }

    public bool Wants(string name) => Only.Count == 0 || Only.Contains(name);
}
