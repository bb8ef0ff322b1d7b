using System.Text.Json.Nodes;
using AuthService.Audit;
using AuthService.Users;

namespace AuthService.SigningKeys;

/// <summary>What is recorded of keys: each record belongs to the transaction of its change.</summary>
internal sealed class SigningKeyAudit(AuditLog log)
{
    public void Created(UsersDbContext database, SigningKeyRow key, string? actor) => Stage(database, AuditTypes.SigningKeyCreated, key, actor);

    public void Activated(UsersDbContext database, SigningKeyRow key, string? actor) => Stage(database, AuditTypes.SigningKeyActivated, key, actor);

    public void Retired(UsersDbContext database, SigningKeyRow key, string? actor) => Stage(database, AuditTypes.SigningKeyRetired, key, actor);

    public void Withdrawn(UsersDbContext database, SigningKeyRow key, string? actor) => Stage(database, AuditTypes.SigningKeyWithdrawn, key, actor);

    private void Stage(UsersDbContext database, string type, SigningKeyRow key, string? actor) => log.Stage(
        database, new AuditRecord(type, actor, key.Kid, ClientId: null, Sid: null, new JsonObject { ["alg"] = key.Algorithm, ["state"] = key.State }));
}
