namespace Gateway.Routing;

/// <summary>Paths that the gateway answers itself. They are never proxied: no route may name one, and no catch-all reaches one.</summary>
internal static class OwnPaths
{
    private static readonly string[] Paths = ["/verify", "/.well-known/identity-jwks.json"];

    /// <summary>Whether a request path is one of them, or lies below.</summary>
    public static bool Contain(PathString path)
    {
        foreach (var own in Paths)
        {
            if (path.StartsWithSegments(own, StringComparison.OrdinalIgnoreCase)) return true;
        }

        return false;
    }

    /// <summary>The one that a route's pattern names, or lies below; null for a pattern such as a catch-all.</summary>
    public static string? ClaimedBy(string? pattern)
    {
        var path = new PathString("/" + pattern?.TrimStart('/'));
        return Array.Find(Paths, own => path.StartsWithSegments(own, StringComparison.OrdinalIgnoreCase));
    }
}
