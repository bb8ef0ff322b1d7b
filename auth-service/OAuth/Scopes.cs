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

    /// <summary>The one scope that makes a request one of OpenID Connect.</summary>
    public const string OpenId = "openid";

    public const string Profile = "profile";

    public const string Email = "email";

    /// <summary>Refresh tokens for a client that is not the operator's own (OpenID Connect Core section 11).</summary>
    public const string OfflineAccess = "offline_access";

    /// <summary>A client that is registered with it may ask what tokens are good for (RFC 7662).</summary>
    public const string Introspection = "introspection";

    /// <summary>Those with a meaning of their own here.</summary>
    public static readonly string[] Standard = [OpenId, Profile, Email, OfflineAccess];

    public static bool Has(string scope, string name) => scope.Split(' ').Contains(name);

    /// <summary>What of a scope a client may still have.</summary>
    public static string Keep(string scope, IReadOnlyCollection<string> allowed) => Join(Split(scope).Where(allowed.Contains));

    public static IReadOnlyList<string> Split(string? scope) => scope is null ? [] : scope.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public static string Join(IEnumerable<string> scopes) => string.Join(' ', scopes);
}
