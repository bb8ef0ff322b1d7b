using System.Text.Json;

namespace AuthService.OAuth;

/// <summary>Who acts for a token's subject, and who acted before (RFC 8693 section 4.1).</summary>
/// <param name="Subject">The client id of a service.</param>
/// <param name="Before">Whose call the service passes on; null if the subject's own.</param>
internal sealed record Actor(string Subject, Actor? Before)
{
    /// <summary>How many services may stand one behind the other.</summary>
    public const int MaxDepth = 5;

    public const string Claim = "act";

    public int Depth => 1 + (Before?.Depth ?? 0);

    /// <summary>The client ids, the latest first.</summary>
    public IEnumerable<string> Chain()
    {
        for (var actor = this; actor is not null; actor = actor.Before) yield return actor.Subject;
    }

    /// <summary>Reads the claim of a verified token; null if it has none.</summary>
    /// <exception cref="FormatException">It is not what this service writes.</exception>
    public static Actor? Read(JsonElement claims)
    {
        if (!claims.TryGetProperty(Claim, out var act)) return null;
        return act.ValueKind == JsonValueKind.Object && act.TryGetProperty("sub", out var subject) && subject is { ValueKind: JsonValueKind.String }
            ? new Actor(subject.GetString()!, Read(act))
            : throw new FormatException("The actor is not an object with a subject.");
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("sub", Subject);
        if (Before is not null)
        {
            json.WritePropertyName(Claim);
            Before.Write(json);
        }

        json.WriteEndObject();
    }
}
