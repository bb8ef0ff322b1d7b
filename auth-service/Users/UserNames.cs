using AuthService.Users.Names;

namespace AuthService.Users;

/// <summary>
/// Which user names there can be, and which are the same, after RFC 8265 section 3.3 (UsernameCaseMapped): letters and
/// decimal digits of the scripts in everyday use and <c>. _ @ + -</c>; full-width forms are their plain ones, and case does
/// not count.
/// </summary>
/// <remarks>Combining marks and compatibility characters are not letters here: each name has one spelling in Unicode, so
/// none needs to be normalized. Names of letters that are not written together are refused, and so are two that look alike
/// (<see cref="NameSkeleton"/>).</remarks>
internal static class UserNames
{
    /// <summary>The longest, in UTF-16 units.</summary>
    public const int MaxLength = 150;

    /// <summary>The rule, for people.</summary>
    public static string Rule { get; } = $"A user name has 1 to {MaxLength} letters, digits and . _ @ + - only.";

    /// <summary>The second rule, for people.</summary>
    public const string ScriptRule = "The letters of a user name must be of one script.";

    /// <summary>The form under which a name is looked up: whichever way somebody writes it.</summary>
    public static string Normalize(string name) => Narrow(name).ToUpperInvariant();

    /// <summary>Whether somebody may have that name; one that looks like another's is refused when it is stored.</summary>
    public static bool IsAcceptable(string? name) => Fault(name) is null;

    /// <summary>Whether there may be somebody of that name: sign-in asks no more.</summary>
    public static bool IsPossible(string? name) => name is { Length: > 0 and <= MaxLength } && Scripts(name) is not null;

    /// <summary>Why nobody can take that name; null if somebody can.</summary>
    public static string? Fault(string? name)
    {
        if (name is null or { Length: 0 or > MaxLength } || Scripts(name) is not { } scripts) return Rule;
        return NameLetters.GoTogether(scripts) ? null : ScriptRule;
    }

    /// <summary>RFC 8265 section 3.3.2, width mapping; of the full-width forms, only those of ASCII are letters here.</summary>
    public static string Narrow(string name) => name.Any(IsWide)
        ? string.Create(name.Length, name, static (narrow, wide) =>
        {
            for (var i = 0; i < wide.Length; i++) narrow[i] = IsWide(wide[i]) ? (char)(wide[i] - 0xFEE0) : wide[i];
        })
        : name;

    private static bool IsWide(char c) => c is >= '\uFF01' and <= '\uFF5E';

    private static HashSet<string>? Scripts(string name)
    {
        var scripts = new HashSet<string>(StringComparer.Ordinal);
        // An unpaired surrogate is enumerated as U+FFFD, which is no letter.
        foreach (var rune in Narrow(name).EnumerateRunes())
        {
            if (rune.Value is '.' or '_' or '@' or '+' or '-') continue;
            if (NameLetters.ScriptOf(rune) is not { } script) return null;
            scripts.Add(script);
        }
        return scripts;
    }
}
