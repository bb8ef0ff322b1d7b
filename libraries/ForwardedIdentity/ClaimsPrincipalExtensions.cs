using System.Security.Claims;
using System.Text.Json;
using Microsoft.AspNetCore.Authorization;

namespace ForwardedIdentity;

/// <summary>Reads what a forwarded identity says beyond name and roles.</summary>
public static class ClaimsPrincipalExtensions
{
    /// <summary>The scopes the caller was granted.</summary>
    public static IReadOnlyList<string> GetScopes(this ClaimsPrincipal caller)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return [.. caller.FindAll(ForwardedClaims.Scope).SelectMany(claim => claim.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
    }

    /// <summary>
    /// The services that act for the subject (RFC 8693 section 4.1), the one that called this service first, the one the
    /// user called last. Empty when the subject calls itself. Only the first may be used to decide about access.
    /// </summary>
    public static IReadOnlyList<string> GetActors(this ClaimsPrincipal caller)
    {
        ArgumentNullException.ThrowIfNull(caller);
        var actors = new List<string>();
        if (caller.FindFirst(ForwardedClaims.Actor) is not { } claim) return actors;
        using var json = JsonDocument.Parse(claim.Value);
        for (var actor = json.RootElement; actor.ValueKind == JsonValueKind.Object;)
        {
            if (actor.TryGetProperty(ForwardedClaims.Subject, out var subject) && subject.ValueKind == JsonValueKind.String) actors.Add(subject.GetString()!);
            if (!actor.TryGetProperty(ForwardedClaims.Actor, out actor)) break;
        }

        return actors;
    }

    /// <summary>Lets only callers with that scope through.</summary>
    public static AuthorizationPolicyBuilder RequireScope(this AuthorizationPolicyBuilder policy, string scope)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentException.ThrowIfNullOrWhiteSpace(scope);
        return policy.RequireAssertion(context => context.User.GetScopes().Contains(scope));
    }
}
