using System.Collections.Concurrent;
using System.Text.Json;

namespace AuthService.Claims;

/// <summary>
/// Which custom claims the tokens of a client carry: a JSON array, each element the name of a claim, or
/// <c>{"claim":"department","as":"dept"}</c> for one that is to have another name there. A claim that no rule names stays
/// out, whoever sets it.
/// </summary>
internal sealed class ClaimRules
{
    public const int MaxCount = 50;

    /// <summary>Rules are read at every refresh and there are as many as clients.</summary>
    private static readonly ConcurrentDictionary<string, ClaimRules> Known = new(StringComparer.Ordinal);

    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);

    private ClaimRules()
    {
    }

    /// <summary>Reads rules that somebody wants to set; or says what is wrong with them.</summary>
    public static (ClaimRules? Rules, string? Fault) Parse(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Array || json.GetArrayLength() > MaxCount) return (null, $"Must be an array of at most {MaxCount} rules.");
        var rules = new ClaimRules();
        foreach (var element in json.EnumerateArray())
        {
            if (Rule(element) is not var (claim, name)) return (null, "A rule is the name of a claim, or an object with the members 'claim' and 'as'.");
            if ((CustomClaim.NameFault(claim) ?? CustomClaim.NameFault(name)) is { } fault) return (null, fault);
            if (rules._names.ContainsValue(name) || !rules._names.TryAdd(claim, name)) return (null, $"Two rules are about the claim '{name}'.");
        }
        return (rules, null);
    }

    /// <summary>What is wrong with rules; null if nothing is.</summary>
    public static string? Fault(string json)
    {
        using var document = JsonDocument.Parse(json);
        return Parse(document.RootElement).Fault;
    }

    /// <summary>Rules as the database has them, which were checked when they were set.</summary>
    public static ClaimRules Stored(string json)
    {
        if (Known.TryGetValue(json, out var known)) return known;
        using var document = JsonDocument.Parse(json);
        var rules = Parse(document.RootElement).Rules ?? throw new InvalidOperationException("The column claim_rules of a client holds no claim rules.");
        if (Known.Count > 1000) Known.Clear();
        return Known[json] = rules;
    }

    /// <summary>The claims that pass, under the names they have in a token. One that several say something about, a user and
    /// a role say, is the list of everything they say.</summary>
    public IReadOnlyDictionary<string, object>? Select(IEnumerable<KeyValuePair<string, JsonElement>> claims)
    {
        Dictionary<string, object>? selected = null;
        foreach (var values in claims.Where(claim => _names.ContainsKey(claim.Key)).GroupBy(claim => _names[claim.Key], claim => claim.Value, StringComparer.Ordinal))
        {
            JsonElement[] all = [.. values];
            (selected ??= new(StringComparer.Ordinal))[values.Key] = all is [var single]
                ? single
                : all.SelectMany(Items).DistinctBy(item => item.GetRawText(), StringComparer.Ordinal).OrderBy(item => item.GetRawText(), StringComparer.Ordinal).ToArray();
        }
        return selected;
    }

    private static IEnumerable<JsonElement> Items(JsonElement value) => value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : [value];

    private static (string Claim, string As)? Rule(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String when element.GetString() is { } name => (name, name),
        JsonValueKind.Object when element.EnumerateObject().Count() == 2 && element.TryGetProperty("claim", out var claim) && claim.ValueKind == JsonValueKind.String
            && element.TryGetProperty("as", out var name) && name.ValueKind == JsonValueKind.String => (claim.GetString()!, name.GetString()!),
        _ => null,
    };
}
