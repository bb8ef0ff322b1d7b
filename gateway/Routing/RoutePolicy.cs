using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Gateway.Authentication;

namespace Gateway.Routing;

/// <summary>
/// What one of <c>Gateway:Policies</c> asks of a signed-in caller. Every kind that is given must hold: all of
/// <see cref="Scopes"/>, any of <see cref="Roles"/>, any of <see cref="Clients"/>, and for each of <see cref="Claims"/> any of
/// its values (compared as text, case-sensitively; in an array claim one element is enough).
/// </summary>
internal sealed record PolicyDefinition(
    string Name, string[] Scopes, string[] Roles, string[] Clients, IReadOnlyDictionary<string, string[]> Claims)
{
    /// <summary>No token needed.</summary>
    public const string AnonymousName = "anonymous";

    /// <summary>Any signed-in caller; also what a route without a policy gets.</summary>
    public const string DefaultName = "default";

    public static PolicyDefinition Named(string name) => new(name, [], [], [], new Dictionary<string, string[]>());
}

/// <summary>A policy, prepared so that its evaluation allocates nothing.</summary>
internal sealed class RoutePolicy
{
    public static readonly RoutePolicy Anonymous = new(PolicyDefinition.Named(PolicyDefinition.AnonymousName));
    public static readonly RoutePolicy SignedIn = new(PolicyDefinition.Named(PolicyDefinition.DefaultName));

    private readonly PolicyDefinition _definition;
    private readonly (string Name, string[] Values, byte[][] RawValues)[] _claims;

    public RoutePolicy(PolicyDefinition definition)
    {
        _definition = definition;
        AllowsAnonymous = definition.Name == PolicyDefinition.AnonymousName;
        RequiredScopes = definition.Scopes.Length == 0 ? null : string.Join(' ', definition.Scopes);
        _claims = [.. definition.Claims.Select(claim =>
            (claim.Key, claim.Value, claim.Value.Select(Encoding.UTF8.GetBytes).ToArray()))];
    }

    /// <summary>The policy of a definition; those that ask for nothing in particular are one object for all routes.</summary>
    public static RoutePolicy Of(PolicyDefinition definition) => definition.Name switch
    {
        PolicyDefinition.AnonymousName => Anonymous,
        PolicyDefinition.DefaultName => SignedIn,
        _ => new RoutePolicy(definition),
    };

    public string Name => _definition.Name;

    /// <summary>For the challenge of a 403 (RFC 6750 section 3); null if it is not about scopes.</summary>
    public string? RequiredScopes { get; }

    public bool AllowsAnonymous { get; }

    /// <summary>Whether a caller whose token is good may pass.</summary>
    public bool Admits(AuthenticatedCaller caller)
    {
        foreach (var scope in _definition.Scopes)
        {
            if (!Contains(caller.Scopes, scope)) return false;
        }

        if (_definition.Roles.Length > 0 && !ContainsAny(caller.Roles, _definition.Roles)) return false;
        if (_definition.Clients.Length > 0 && (caller.ClientId is null || Array.IndexOf(_definition.Clients, caller.ClientId) < 0)) return false;
        foreach (var (name, values, rawValues) in _claims)
        {
            if (!HasAny(caller, name, values, rawValues)) return false;
        }

        return true;
    }

    /// <summary>What a caller lacks, one sentence each; none exactly when <see cref="Admits"/>.</summary>
    public IEnumerable<string> FindUnmet(AuthenticatedCaller caller)
    {
        foreach (var scope in _definition.Scopes.Where(scope => !Contains(caller.Scopes, scope))) yield return $"The policy asks for the scope '{scope}'.";
        if (_definition.Roles.Length > 0 && !ContainsAny(caller.Roles, _definition.Roles))
            yield return $"The policy asks for one of the roles {string.Join(", ", _definition.Roles)}; the caller has {(caller.Roles.Count == 0 ? "none" : string.Join(", ", caller.Roles))}.";
        if (_definition.Clients.Length > 0 && (caller.ClientId is null || Array.IndexOf(_definition.Clients, caller.ClientId) < 0))
            yield return $"The policy asks for one of the clients {string.Join(", ", _definition.Clients)}.";
        foreach (var (name, values, rawValues) in _claims)
        {
            if (!HasAny(caller, name, values, rawValues))
                yield return $"The policy asks for the claim '{name}' with one of {string.Join(", ", values)}.";
        }
    }

    /// <summary>
    /// What a foreign issuer says of subject and roles counts here as it counts everywhere: behind the prefix, and filtered. As
    /// it stands in the token it could name one of our users.
    /// </summary>
    private static bool HasAny(AuthenticatedCaller caller, string name, string[] values, byte[][] rawValues)
    {
        if (caller.IsForeign && name == "sub") return Contains(values, caller.Subject);
        if (caller.IsForeign && name == "roles") return ContainsAny(caller.Roles, values);
        return caller.Claims.TryGetProperty(name, out var claim) && HasAny(claim, values, rawValues);
    }

    private static bool HasAny(JsonElement claim, string[] values, byte[][] rawValues)
    {
        switch (claim.ValueKind)
        {
            case JsonValueKind.Array:
                foreach (var element in claim.EnumerateArray())
                {
                    if (element.ValueKind != JsonValueKind.Array && HasAny(element, values, rawValues)) return true;
                }

                return false;
            case JsonValueKind.String:
                foreach (var value in values)
                {
                    if (claim.ValueEquals(value)) return true;
                }

                return false;
            case JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False:
                var raw = JsonMarshal.GetRawUtf8Value(claim);
                foreach (var value in rawValues)
                {
                    if (raw.SequenceEqual(value)) return true;
                }

                return false;
            default:
                return false;
        }
    }

    private static bool ContainsAny(IReadOnlyList<string> held, string[] wanted)
    {
        foreach (var value in wanted)
        {
            if (Contains(held, value)) return true;
        }

        return false;
    }

    private static bool Contains(IReadOnlyList<string> held, string wanted)
    {
        for (var i = 0; i < held.Count; i++)
        {
            if (string.Equals(held[i], wanted, StringComparison.Ordinal)) return true;
        }

        return false;
    }
}
