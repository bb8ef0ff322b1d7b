using System.Globalization;
using System.Text;

namespace AuthService.Users.Names;

/// <summary>
/// The letters and digits there can be in a user name, and their scripts, from an embedded table: this program runs without
/// the system's Unicode data, and .NET knows no scripts.
/// </summary>
internal static class NameLetters
{
    /// <summary>Belongs to no script, and goes with all.</summary>
    public const string Common = "COMMON";

    private static readonly (int First, int Last, string Script)[] Ranges = [.. Read()];

    /// <summary>Scripts that are written together (Unicode Technical Standard 39, section 5.2, highly restrictive); Latin
    /// goes with each of these.</summary>
    private static readonly string[][] Together = [["HAN", "HIRAGANA", "KATAKANA"], ["HAN", "HANGUL"], ["HAN", "BOPOMOFO"]];

    /// <summary>The script of a letter or digit; null for what cannot be in a name.</summary>
    public static string? ScriptOf(Rune rune)
    {
        var (low, high) = (0, Ranges.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var (first, last, script) = Ranges[middle];
            if (rune.Value < first) high = middle - 1;
            else if (rune.Value > last) low = middle + 1;
            else return script;
        }
        return null;
    }

    /// <summary>Whether people write these scripts in one word.</summary>
    public static bool GoTogether(IReadOnlySet<string> scripts)
    {
        var others = scripts.Where(script => script is not (Common or "LATIN")).ToList();
        if (others.Count == 0) return true;
        return others.Count == 1 && !scripts.Contains("LATIN") || Array.Exists(Together, together => others.TrueForAll(together.Contains));
    }

    private static IEnumerable<(int, int, string)> Read()
    {
        using var stream = typeof(NameLetters).Assembly.GetManifestResourceStream("letters.txt")!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#')) continue;
            var parts = line.Split(' ');
            yield return (int.Parse(parts[0], NumberStyles.AllowHexSpecifier), int.Parse(parts[1], NumberStyles.AllowHexSpecifier), string.Intern(parts[2]));
        }
    }
}
