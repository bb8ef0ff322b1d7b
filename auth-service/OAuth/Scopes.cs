namespace AuthService.OAuth;

/// <summary>Scopes as RFC 6749 section 3.3 writes them.</summary>
internal static class Scopes
{
    /// <summary>The scopes that are asked for, or all the client may have if none are; null for a malformed list, or one with
    /// a scope that the client may not have.</summary>
    public static IReadOnlyList<string>? Select(string? requested, IReadOnlyCollection<string> allowed)
    {
        if (requested is null) return [.. allowed];
        var scopes = requested.Split(' ');
        return Array.TrueForAll(scopes, allowed.Contains) ? [.. scopes.Distinct(StringComparer.Ordinal)] : null;
    }

    public static IReadOnlyList<string> Split(string? scope) => scope is null ? [] : scope.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public static string Join(IEnumerable<string> scopes) => string.Join(' ', scopes);
}
