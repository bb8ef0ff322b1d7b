using System.Text.Json.Nodes;

namespace AuthService.Administration;

/// <summary>Claims between their rows, one a claim with its value as JSON, and the object that administrators see.</summary>
internal static class ClaimRows
{
    public static JsonObject Join(IEnumerable<(string Name, string Value)> rows)
    {
        var claims = new JsonObject();
        foreach (var (name, value) in rows.OrderBy(row => row.Name, StringComparer.Ordinal)) claims[name] = JsonNode.Parse(value);
        return claims;
    }
}
