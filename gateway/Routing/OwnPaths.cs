using Gateway.ForwardAuth;
using Gateway.Forwarding;

namespace Gateway.Routing;

/// <summary>Paths that the gateway answers itself. They are never proxied: no route may name one, and no catch-all reaches one.</summary>
internal static class OwnPaths
{
    private static readonly string[] Paths = [VerifyEndpoint.Path, IdentityKeyDocument.Path];

    /// <summary>Maps one of them for everybody and every method; what it answers to whom is its own to say.</summary>
    public static void MapOwn(this IEndpointRouteBuilder endpoints, string pattern, RequestDelegate answer) =>
        endpoints.Map(pattern, answer)
            // Before any route, whatever order that gives itself.
            .WithOrder(int.MinValue).WithMetadata(OwnEndpoint.Mark).WithDisplayName(pattern);

    /// <summary>A target below <c>/verify/</c> is held to the rules, and the exceptions, of the target that is asked about.</summary>
    public static ReadOnlySpan<char> WithoutVerify(string target) =>
        target.StartsWith(VerifyEndpoint.Path + "/", StringComparison.Ordinal) ? target.AsSpan(VerifyEndpoint.Path.Length) : target;

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

/// <summary>Marks an endpoint that judges its callers itself.</summary>
internal sealed class OwnEndpoint
{
    public static readonly OwnEndpoint Mark = new();
}
