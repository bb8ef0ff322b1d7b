using System.Text.Json;
using System.Text.Json.Serialization;
using RevocationProtocol;

namespace AuthService.Revocation;

/// <summary>
/// What a session script leaves in the outbox of its partition, in the same step as the session's change: everything
/// the rest of the system must learn of it. JSON with snake_case members in the field <c>data</c>.
/// </summary>
/// <param name="Eid">Unique; what is stored twice under it is stored once.</param>
internal sealed record OutboxEntry(string Eid, OutboxRevocation? Revocation, OutboxSessionEnd? SessionEnd, OutboxAudit? Audit)
{
    /// <summary>Name of the one field of an outbox entry.</summary>
    public const string Field = "data";

    public static OutboxEntry? Parse(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, OutboxJson.Default.OutboxEntry);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

internal sealed record OutboxRevocation(string Iss, string Kind, string Id, long? CutOff, string? Except, long Exp)
{
    /// <summary>The entry for the stream; null for a kind this version does not know.</summary>
    public RevocationEntry? ToEntry() =>
        RevocationCodec.ParseKind(Kind) is { } kind ? new RevocationEntry(Iss, kind, Id, CutOff ?? 0, Except, Exp) : null;
}

internal sealed record OutboxSessionEnd(string Sid, string Sub, string ClientId, string Reason, long EndedAtMs, long ExpiresMs);

internal sealed record OutboxAudit(
    string Type, long AtMs, string? Actor, string? Subject, string? ClientId, string? Sid, string? Address, string? TraceId, JsonElement? Detail);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(OutboxEntry))]
internal sealed partial class OutboxJson : JsonSerializerContext;
