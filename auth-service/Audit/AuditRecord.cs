using System.Text.Json.Nodes;

namespace AuthService.Audit;

/// <summary>Something that happened for which somebody may have to account.</summary>
/// <param name="Type">One of <see cref="AuditTypes"/>.</param>
/// <param name="Actor">Who did it: a sub, a client id, or <c>command-line</c>; null if nobody has proven who that is.</param>
/// <param name="Subject">Whom or what it befell: a sub, or the id of the client, key or role.</param>
/// <param name="Detail">More, for people. Never holds a token, a secret, a password, or a name that was tried in vain:
/// people type passwords into that field.</param>
internal sealed record AuditRecord(string Type, string? Actor, string? Subject, string? ClientId, string? Sid, JsonObject? Detail = null);
