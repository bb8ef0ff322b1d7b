namespace AuthService.Claims;

/// <summary>What a configured claim of a user or a role may be. The limits together keep a token well within the 8 KiB that a
/// gateway takes.</summary>
internal static class CustomClaim
{
    public const int MaxNameLength = 64;

    /// <summary>In UTF-16 units.</summary>
    public const int MaxValueLength = 256;

    /// <summary>Claims of one user, and of one role.</summary>
    public const int MaxCount = 20;

    /// <summary>Why there can be no claim of that name; null if there can.</summary>
    public static string? NameFault(string? name)
    {
        if (name is null or { Length: 0 or > MaxNameLength } || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or ':' or '/'))
            return $"The name of a claim has 1 to {MaxNameLength} ASCII letters, digits and _ - . : / only.";
        return ReservedClaims.Names.Contains(name) ? $"The claim '{name}' has a meaning of its own and cannot be set." : null;
    }

    /// <summary>Why no claim can have that value; null if one can.</summary>
    public static string? ValueFault(string? value) =>
        value is null or { Length: 0 or > MaxValueLength } || value.Any(char.IsControl) || !Users.PasswordHashing.IsPossible(value)
            ? $"The value of a claim has 1 to {MaxValueLength} characters and no control characters."
            : null;
}
