using System.Globalization;

namespace Bench.Load;

/// <summary>How much is measured.</summary>
/// <param name="Rounds">How often each contender has its turn.</param>
/// <param name="Seconds">Length of a turn.</param>
/// <param name="Only">Only these contenders; empty for all.</param>
internal sealed record Options(int Rounds, int Seconds, IReadOnlyList<string> Only)
{
    public static Options Read(string[] arguments)
    {
        int[] numbers = [.. arguments.TakeWhile(argument => argument != "--only").Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
        return new Options(numbers.Length > 0 ? numbers[0] : 5, numbers.Length > 1 ? numbers[1] : 3, arguments.Length > numbers.Length ? arguments[^1].Split(';') : []);
    }

    public bool Wants(string name) => Only.Count == 0 || Only.Contains(name);
}
