using System.Text.Json;
using System.Text.Json.Nodes;

namespace AuthService.Claims;

/// <summary>What the configured claims of a user or a role may be: texts, numbers, truth values, and lists of them. The limits
/// together keep a token well within the 8 KiB that a gateway takes.</summary>
internal static class CustomClaim
{
    public const int MaxNameLength = 64;

    /// <summary>In UTF-16 units.</summary>
    public const int MaxValueLength = 256;

    /// <summary>Claims of one user, and of one role; and items of one list.</summary>
    public const int MaxCount = 20;

    /// <summary>What is wrong with the claims of a user or a role; null if nothing is.</summary>
    public static string? Fault(JsonObject claims) => claims.Count > MaxCount
        ? $"There can be at most {MaxCount} claims."
        : claims.Select(claim => NameFault(claim.Key) ?? ValueFault(claim.Value)).FirstOrDefault(fault => fault is not null);

    /// <summary>Why there can be no claim of that name; null if there can.</summary>
    public static string? NameFault(string? name)
    {
        if (name is null or { Length: 0 or > MaxNameLength } || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or ':' or '/'))
            return $"The name of a claim has 1 to {MaxNameLength} ASCII letters, digits and _ - . : / only.";
        return ReservedClaims.Names.Contains(name) ? $"The claim '{name}' has a meaning of its own and cannot be set." : null;
    }

    private static string? ValueFault(JsonNode? value) => (value is JsonArray { Count: > 0 and <= MaxCount } list ? list.All(IsSimple) : IsSimple(value))
        ? null
        : $"The value of a claim is a text of 1 to {MaxValueLength} characters without control characters, a number, true or false, or a list of 1 to {MaxCount} of these.";

    private static bool IsSimple(JsonNode? value) => value?.GetValueKind() switch
    {
        JsonValueKind.String => value.GetValue<string>() is { Length: > 0 and <= MaxValueLength } text && !text.Any(char.IsControl),
        JsonValueKind.Number => value.ToJsonString().Length <= MaxValueLength,
        JsonValueKind.True or JsonValueKind.False => true,
        _ => false,
    };
}
