using AuthService.Users;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Administration;

/// <summary>Reads users with roles and claims.</summary>
internal sealed class UserReader(IDbContextFactory<UsersDbContext> databases, ILookupNormalizer normalizer)
{
    /// <summary>Users in the order of their names.</summary>
    public async Task<Page<UserView>> ListAsync(PageRequest page, UserFilter filter, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var users = database.Users.AsNoTracking();
        if (filter.UserName is { } userName) users = users.Where(user => user.NormalizedUserName!.StartsWith(normalizer.NormalizeName(userName)));
        if (filter.Email is { } email) users = users.Where(user => user.NormalizedEmail == normalizer.NormalizeEmail(email));
        if (filter.Disabled is { } disabled) users = users.Where(user => user.Disabled == disabled);
        if (filter.Role is { } role)
        {
            users = users.Where(user => database.UserRoles.Any(
                userRole => userRole.UserId == user.Id && database.Roles.Any(known => known.Id == userRole.RoleId && known.Name == role)));
        }
        if (page.After is { } after) users = users.Where(user => string.Compare(user.NormalizedUserName, after) > 0);
        var rows = await users.OrderBy(user => user.NormalizedUserName).Take(page.Limit + 1).ToListAsync(cancellationToken);
        return page.Of(await ViewAsync(database, rows, cancellationToken), view => view.User.NormalizedUserName!);
    }

    /// <exception cref="RefusedException">There is no such user.</exception>
    public async Task<UserView> FindAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var user = await database.Users.AsNoTracking().SingleOrDefaultAsync(user => user.Id == id, cancellationToken) ?? throw RefusedException.NotFound("user");
        return await ViewAsync(database, user, cancellationToken);
    }

    /// <summary>The id of a user who is named by id or user name, as people at a command line do.</summary>
    /// <exception cref="RefusedException">There is no such user.</exception>
    public async Task<Guid> FindIdAsync(string idOrName, CancellationToken cancellationToken)
    {
        await using var database = await databases.CreateDbContextAsync(cancellationToken);
        var normalized = normalizer.NormalizeName(idOrName);
        var id = Guid.TryParse(idOrName, out var given) ? given : Guid.Empty;
        // A user name may look like an id: the id goes first.
        var found = await database.Users.Where(user => user.Id == id || user.NormalizedUserName == normalized).Select(user => user.Id).ToListAsync(cancellationToken);
        return found.Contains(id) ? id : found is [var only] ? only : throw RefusedException.NotFound("user");
    }

    public static async Task<UserView> ViewAsync(UsersDbContext database, User user, CancellationToken cancellationToken) =>
        (await ViewAsync(database, [user], cancellationToken))[0];

    /// <summary>Role names in ordinal order.</summary>
    public static async Task<IReadOnlyList<string>> RolesAsync(UsersDbContext database, Guid userId, CancellationToken cancellationToken) =>
        (await RolesAsync(database, [userId], cancellationToken))[userId].Order(StringComparer.Ordinal).ToList();

    private static async Task<IReadOnlyList<UserView>> ViewAsync(UsersDbContext database, IReadOnlyList<User> users, CancellationToken cancellationToken)
    {
        List<Guid> ids = [.. users.Select(user => user.Id)];
        var roles = await RolesAsync(database, ids, cancellationToken);
        var claims = await ClaimsAsync(database, ids, cancellationToken);
        return [.. users.Select(user => new UserView(user, [.. roles[user.Id].Order(StringComparer.Ordinal)], ClaimRows.Join(claims[user.Id])))];
    }

    private static async Task<ILookup<Guid, (string Name, string Value)>> ClaimsAsync(UsersDbContext database, List<Guid> ids, CancellationToken cancellationToken)
    {
        var rows = await database.UserClaims.AsNoTracking().Where(claim => ids.Contains(claim.UserId)).ToListAsync(cancellationToken);
        return rows.ToLookup(row => row.UserId, row => (row.ClaimType!, row.ClaimValue!));
    }

    private static async Task<ILookup<Guid, string>> RolesAsync(UsersDbContext database, List<Guid> ids, CancellationToken cancellationToken)
    {
        var rows = from userRole in database.UserRoles
                   join role in database.Roles on userRole.RoleId equals role.Id
                   where ids.Contains(userRole.UserId)
                   select new { userRole.UserId, role.Name };
        return (await rows.ToListAsync(cancellationToken)).ToLookup(row => row.UserId, row => row.Name!);
    }
}
