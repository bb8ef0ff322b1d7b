using System.Collections.Frozen;

namespace AuthService.Users;

/// <summary>The passwords that are tried first (NIST SP 800-63B section 3.1.1.2), of those that are long enough to be one
/// here. Case does not count.</summary>
internal static class CommonPasswords
{
    private static readonly Lazy<FrozenSet<string>> List = new(() => Read().ToFrozenSet(StringComparer.OrdinalIgnoreCase));

    public static int Count => List.Value.Count;

    public static bool Contains(string password) => List.Value.Contains(password);

    private static IEnumerable<string> Read()
    {
        using var stream = typeof(CommonPasswords).Assembly.GetManifestResourceStream("common-passwords.txt")!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line) yield return line;
    }
}
