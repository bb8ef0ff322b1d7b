using System.Text.Json;
using AuthService.Users;

namespace AuthService.SigningKeys;

/// <summary>What is recorded of keys.</summary>
internal static class SigningKeyAudit
{
    public const string Announced = "signing_key.announced";
    public const string Activated = "signing_key.activated";
    public const string Withdrawn = "signing_key.withdrawn";

    /// <summary>Adds the event to the transaction of the change.</summary>
    public static void Stage(UsersDbContext database, string type, SigningKeyRow key, string? actor, TimeProvider time, string? previous = null) =>
        database.AuditEvents.Add(new AuditEvent
        {
            EventId = Guid.NewGuid().ToString("D"),
            AtMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
            Type = type,
            Actor = actor,
            Detail = JsonSerializer.Serialize(new { kid = key.Kid, alg = key.Algorithm, previous }),
        });
}
