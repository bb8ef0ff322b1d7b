using System.Text.Json.Nodes;
using AuthService.Audit;
using AuthService.Claims;
using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.Users;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Administration;

/// <summary>A role as administrators see it: its name, and the claims that every user with it has.</summary>
internal sealed record RoleView(Role Role, JsonObject Claims)
{
    public string Stamp => Role.ConcurrencyStamp!;

    public Dictionary<string, object?> Members => new() { ["name"] = Role.Name, ["claims"] = Claims };
}

/// <summary>What administrators do to roles. Other claims of a role, and its end, end the access tokens of its users.</summary>
internal sealed class RoleAdministration(
    AdminChange changes, IDbContextFactory<UsersDbContext> databases, CutOffs cutOffs, AuditLog audit, ILookupNormalizer normalizer, TimeProvider time)
{
    private const int MaxNameLength = 100;

    public async Task<Page<RoleView>> ListAsync(PageRequest page, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var roles = database.Roles.AsNoTracking();
        if (page.After is { } after) roles = roles.Where(role => string.Compare(role.NormalizedName, after) > 0);
        var rows = await roles.OrderBy(role => role.NormalizedName).Take(page.Limit + 1).ToListAsync(cancellationToken);
        List<Guid> ids = [.. rows.Select(role => role.Id)];
        var claims = (await database.RoleClaims.AsNoTracking().Where(claim => ids.Contains(claim.RoleId)).ToListAsync(cancellationToken)).ToLookup(claim => claim.RoleId);
        return page.Of([.. rows.Select(role => new RoleView(role, ClaimRows.Join(claims[role.Id].Select(claim => (claim.ClaimType!, claim.ClaimValue!)))))], view => view.Role.NormalizedName!);
    }

    public async Task<RoleView> FindAsync(string name, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        return await ViewAsync(database, await LoadAsync(database, name, EntityTags.Any, cancellationToken), cancellationToken);
    }

    public async Task<RoleView> CreateAsync(string name, JsonObject claims, SessionActor by, CancellationToken cancellationToken)
    {
        // Roles are joined by commas in a header, and printed.
        if (name.Length is 0 or > MaxNameLength || name.Any(c => char.IsControl(c) || char.IsWhiteSpace(c) || char.IsSurrogate(c) || c == ','))
            throw RefusedException.Invalid("name", $"A role has 1 to {MaxNameLength} characters without blanks and commas.");
        if (CustomClaim.Fault(claims) is { } fault) throw RefusedException.Invalid("claims", fault);
        var role = new Role { Id = Guid.CreateVersion7(time.GetUtcNow()), Name = name, NormalizedName = normalizer.NormalizeName(name), ConcurrencyStamp = Guid.NewGuid().ToString() };
        var made = await changes.MakeAsync(
            EntityTags.Any,
            async database =>
            {
                database.Add(role);
                SetClaims(database, role, [], claims);
                audit.Stage(database, new AuditRecord(AuditTypes.RoleCreated, by.Actor, name, ClientId: null, Sid: null));
                await database.SaveChangesAsync(cancellationToken);
                return (await ViewAsync(database, role, cancellationToken), 0);
            },
            () => RefusedException.Conflict("role_exists", "There is a role of this name."),
            cancellationToken);
        return made.Value;
    }

    public Task<Changed<RoleView>> ChangeAsync(string name, JsonObject claims, EntityTags tags, SessionActor by, CancellationToken cancellationToken) =>
        CustomClaim.Fault(claims) is { } fault ? throw RefusedException.Invalid("claims", fault) : changes.MakeAsync(
            tags,
            async database =>
            {
                var role = await LockAsync(database, name, tags, cancellationToken);
                var before = await ViewAsync(database, role, cancellationToken);
                if (JsonNode.DeepEquals(before.Claims, claims)) return (before, 0);
                role.ConcurrencyStamp = Guid.NewGuid().ToString();
                await database.SaveChangesAsync(cancellationToken);
                SetClaims(database, role, await RowsAsync(database, role, cancellationToken), claims);
                audit.Stage(database, new AuditRecord(AuditTypes.RoleClaimsChanged, by.Actor, name, ClientId: null, Sid: null));
                var revoked = await CutOffAsync(database, role, cancellationToken);
                await database.SaveChangesAsync(cancellationToken);
                return (await ViewAsync(database, role, cancellationToken), revoked);
            },
            () => RefusedException.Stale,
            cancellationToken);

    /// <summary>Deletes a role; its users have it no more.</summary>
    public async Task<RevocationReceipt> DeleteAsync(string name, EntityTags tags, SessionActor by, CancellationToken cancellationToken)
    {
        if (name is Role.Admin or Role.User) throw RefusedException.Conflict("role_fixed", "The service itself needs this role.");
        var changed = await changes.MakeAsync(
            tags,
            async database =>
            {
                var role = await LockAsync(database, name, tags, cancellationToken);
                role.ConcurrencyStamp = Guid.NewGuid().ToString();
                await database.SaveChangesAsync(cancellationToken);
                var revoked = await CutOffAsync(database, role, cancellationToken);
                audit.Stage(database, new AuditRecord(AuditTypes.RoleDeleted, by.Actor, name, ClientId: null, Sid: null));
                await database.SaveChangesAsync(cancellationToken);
                database.Remove(role);
                return (name, revoked);
            },
            () => RefusedException.Stale,
            cancellationToken);
        return changed.Receipt;
    }

    /// <summary>User by user; where there are many, all tokens at once, which costs every session one refresh.</summary>
    private async Task<int> CutOffAsync(UsersDbContext database, Role role, CancellationToken cancellationToken)
    {
        var users = await database.Users.Where(user => database.UserRoles.Any(userRole => userRole.UserId == user.Id && userRole.RoleId == role.Id))
            .Take(CutOffs.MaxUsers + 1).ToListAsync(cancellationToken);
        if (users.Count <= CutOffs.MaxUsers)
        {
            foreach (var user in users)
            {
                user.ConcurrencyStamp = Guid.NewGuid().ToString();
                cutOffs.Stage(database, user);
            }
            return users.Count;
        }
        cutOffs.Stage(database, await database.CutOffs.SingleAsync(cutOff => cutOff.Id == CutOff.All, cancellationToken));
        return 1;
    }

    /// <summary>Takes the row first: what is read of the role afterwards, its claims too, is of one state.</summary>
    private static async Task<Role> LockAsync(UsersDbContext database, string name, EntityTags tags, CancellationToken cancellationToken)
    {
        await database.Roles.Where(role => role.Name == name).ExecuteUpdateAsync(set => set.SetProperty(role => role.ConcurrencyStamp, role => role.ConcurrencyStamp), cancellationToken);
        return await LoadAsync(database, name, tags, cancellationToken);
    }

    private static async Task<Role> LoadAsync(UsersDbContext database, string name, EntityTags tags, CancellationToken cancellationToken)
    {
        var role = await database.Roles.SingleOrDefaultAsync(role => role.Name == name, cancellationToken) ?? throw RefusedException.NotFound("role");
        tags.Match(role.ConcurrencyStamp!);
        return role;
    }

    private static Task<List<IdentityRoleClaim<Guid>>> RowsAsync(UsersDbContext database, Role role, CancellationToken cancellationToken) =>
        database.RoleClaims.Where(claim => claim.RoleId == role.Id).ToListAsync(cancellationToken);

    private static async Task<RoleView> ViewAsync(UsersDbContext database, Role role, CancellationToken cancellationToken) =>
        new(role, ClaimRows.Join((await RowsAsync(database, role, cancellationToken)).Select(claim => (claim.ClaimType!, claim.ClaimValue!))));

    private static void SetClaims(UsersDbContext database, Role role, IReadOnlyList<IdentityRoleClaim<Guid>> before, JsonObject claims)
    {
        database.RemoveRange(before);
        foreach (var (name, value) in claims) database.Add(new IdentityRoleClaim<Guid> { RoleId = role.Id, ClaimType = name, ClaimValue = value?.ToJsonString() ?? "null" });
    }
}
