using System.Text;

namespace AuthService.Users;

/// <summary>Which user names there can be: letters of any script, decimal digits and <c>. _ @ + -</c>.</summary>
/// <remarks>Combining marks are not letters: a name has one spelling in Unicode, and no two names look alike because one
/// is composed and the other not.</remarks>
internal static class UserNames
{
    /// <summary>The longest, in UTF-16 units.</summary>
    public const int MaxLength = 150;

    /// <summary>The rule, for people.</summary>
    public static string Rule { get; } = $"A user name has 1 to {MaxLength} letters, digits and . _ @ + - only.";

    /// <summary>The form under which a name is looked up: whichever way somebody writes it.</summary>
    public static string Normalize(string name) => name.ToUpperInvariant();

    /// <summary>Whether somebody may have that name.</summary>
    public static bool IsPossible(string? name) => IsAcceptable(name);

    public static bool IsAcceptable(string? name)
    {
        if (name is null or { Length: 0 or > MaxLength }) return false;
        foreach (var rune in name.EnumerateRunes())
        {
            // An unpaired surrogate is enumerated as U+FFFD, which is no letter.
            if (!Rune.IsLetterOrDigit(rune) && rune.Value is not ('.' or '_' or '@' or '+' or '-')) return false;
        }
        return true;
    }
}
