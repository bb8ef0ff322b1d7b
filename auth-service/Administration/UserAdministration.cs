using System.Text.Json.Nodes;
using AuthService.Audit;
using AuthService.Claims;
using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.Users;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Administration;

/// <summary>
/// What administrators do to users. Disabling, deleting and a new password end every session of the user; other roles,
/// claims or another name end the access tokens only, which carry them.
/// </summary>
internal sealed class UserAdministration(
    AdminChange changes, UserReader reader, CutOffs cutOffs, AuditLog audit, UserManager<User> manager, PasswordHashing hashing, TimeProvider time)
{
    private const int MaxDisplayNameLength = 200;

    /// <summary>Makes a user.</summary>
    /// <exception cref="RefusedException">A value cannot be, or the name is taken.</exception>
    public async Task<UserView> CreateAsync(string userName, string password, UserChange more, SessionActor by, CancellationToken cancellationToken)
    {
        var user = new User
        {
            Id = Guid.NewGuid(),
            UserName = userName,
            SecurityStamp = Guid.NewGuid().ToString("N"),
            CreatedAtMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
        };
        var faults = new Faults();
        more = more with { UserName = userName };
        Check(more, faults);
        if (more.SecondFactor is { IsGiven: true, Value: true }) faults.Add("second_factor", "Only users themselves can set up a second factor.");
        await CheckPasswordAsync(user, password, faults);
        faults.ThrowIfAny();
        user.PasswordHash = await hashing.HashAsync(user, password, cancellationToken);

        var made = await changes.MakeAsync(
            EntityTags.Any,
            async database =>
            {
                if (await database.Users.AnyAsync(other => other.NormalizedUserName == manager.NormalizeName(userName), cancellationToken)) throw NameTaken();
                SetProfile(user, more);
                user.Disabled = more.Disabled.Or(false);
                database.Add(user);
                var roles = more.Roles.Or([Role.User]);
                await SetRolesAsync(database, user.Id, [], roles, cancellationToken);
                await SetClaimsAsync(database, user, more.Claims.Or([]), cancellationToken);
                Record(database, AuditTypes.UserCreated, by, user, new JsonObject { ["username"] = userName, ["roles"] = Names(roles) });
                await database.SaveChangesAsync(cancellationToken);
                return (await UserReader.ViewAsync(database, user, cancellationToken), 0);
            },
            NameTaken,
            cancellationToken);
        return made.Value;
    }

    /// <summary>Changes what is given and differs; a change to what already stands does nothing at all.</summary>
    public Task<Changed<UserView>> ChangeAsync(Guid id, UserChange change, EntityTags tags, SessionActor by, CancellationToken cancellationToken)
    {
        var faults = new Faults();
        Check(change, faults);
        faults.ThrowIfAny();
        return changes.MakeAsync(tags, database => ChangeAsync(database, id, change, tags, by, cancellationToken), NameTaken, cancellationToken);
    }

    /// <summary>Sets another password and ends every session.</summary>
    public async Task<Changed<UserView>> ResetPasswordAsync(Guid id, string password, EntityTags tags, SessionActor by, CancellationToken cancellationToken)
    {
        var user = await reader.FindAsync(id, cancellationToken);
        var faults = new Faults();
        await CheckPasswordAsync(user.User, password, faults);
        faults.ThrowIfAny();
        var hash = await hashing.HashAsync(user.User, password, cancellationToken);
        return await changes.MakeAsync(
            tags,
            async database =>
            {
                var current = await LoadAsync(database, id, tags, cancellationToken);
                current.PasswordHash = hash;
                EndSessions(current);
                await database.SaveChangesAsync(cancellationToken);
                cutOffs.Stage(database, current);
                Record(database, AuditTypes.PasswordReset, by, current);
                return (await UserReader.ViewAsync(database, current, cancellationToken), 1);
            },
            NameTaken,
            cancellationToken);
    }

    /// <summary>Deletes a user. The id is never used again, so whatever still names it names nobody.</summary>
    public async Task<RevocationReceipt> DeleteAsync(Guid id, EntityTags tags, SessionActor by, CancellationToken cancellationToken)
    {
        var changed = await changes.MakeAsync(
            tags,
            async database =>
            {
                var user = await LoadAsync(database, id, tags, cancellationToken);
                var roles = await UserReader.RolesAsync(database, id, cancellationToken);
                // First the update, which takes the row; the cut-off must not be older than the wait for it.
                EndSessions(user);
                await database.SaveChangesAsync(cancellationToken);
                if (!user.Disabled && roles.Contains(Role.Admin)) await EnsureOtherAdministratorAsync(database, id, cancellationToken);
                cutOffs.Stage(database, user);
                Record(database, AuditTypes.UserDeleted, by, user, new JsonObject { ["username"] = user.UserName });
                await database.SaveChangesAsync(cancellationToken);
                // Roles, claims and whatever else hangs on the row go with it.
                database.Remove(user);
                return (id, 1);
            },
            NameTaken,
            cancellationToken);
        return changed.Receipt;
    }

    private async Task<(UserView Value, int Revoked)> ChangeAsync(
        UsersDbContext database, Guid id, UserChange change, EntityTags tags, SessionActor by, CancellationToken cancellationToken)
    {
        var user = await LoadAsync(database, id, tags, cancellationToken);
        var before = await UserReader.ViewAsync(database, user, cancellationToken);
        var (wasDisabled, profile) = (user.Disabled, (user.UserName, user.DisplayName, user.Email));
        var wasAdministrator = !wasDisabled && before.Roles.Contains(Role.Admin);
        if (change.SecondFactor is { IsGiven: true, Value: true } && !user.TwoFactorEnabled)
            throw RefusedException.Invalid("second_factor", "Only users themselves can set up a second factor.");

        SetProfile(user, change);
        user.Disabled = change.Disabled.Or(wasDisabled);
        var renamed = (user.UserName, user.DisplayName) != (profile.UserName, profile.DisplayName);
        var disabling = user.Disabled && !wasDisabled;
        var roles = change.Roles.Or(before.Roles).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        var rolesDiffer = !roles.SequenceEqual(before.Roles);
        var claims = change.Claims.Or(before.Claims);
        var claimsDiffer = !JsonNode.DeepEquals(claims, before.Claims);
        var factorReset = change.SecondFactor is { IsGiven: true, Value: false } && user.TwoFactorEnabled;
        var profileDiffers = profile != (user.UserName, user.DisplayName, user.Email);
        if (!profileDiffers && user.Disabled == wasDisabled && !rolesDiffer && !claimsDiffer && !factorReset) return (before, 0);

        if (factorReset) (user.TwoFactorEnabled, user.SealedTotpSecret) = (false, null);
        if (disabling) EndSessions(user);
        else Touch(user);
        // The row first: of two changes at once one fails here, and the other waits for it before anything else is decided.
        await database.SaveChangesAsync(cancellationToken);
        if (claimsDiffer) await SetClaimsAsync(database, user, claims, cancellationToken);
        if (factorReset) await database.RecoveryCodes.Where(code => code.UserId == id).ExecuteDeleteAsync(cancellationToken);
        if (rolesDiffer) await SetRolesAsync(database, id, before.Roles, roles, cancellationToken);
        if (wasAdministrator && (user.Disabled || !roles.Contains(Role.Admin))) await EnsureOtherAdministratorAsync(database, id, cancellationToken);

        if (profileDiffers) Record(database, AuditTypes.UserUpdated, by, user, Difference(profile, user));
        if (user.Disabled != wasDisabled) Record(database, user.Disabled ? AuditTypes.UserDisabled : AuditTypes.UserEnabled, by, user);
        if (rolesDiffer) Record(database, AuditTypes.UserRolesChanged, by, user, new JsonObject { ["before"] = Names(before.Roles), ["after"] = Names(roles) });
        if (claimsDiffer) Record(database, AuditTypes.UserClaimsChanged, by, user, new JsonObject { ["before"] = Names(before.Claims), ["after"] = Names(claims) });
        if (factorReset) Record(database, AuditTypes.SecondFactorReset, by, user);
        var revoking = disabling || rolesDiffer || claimsDiffer || renamed;
        if (revoking) cutOffs.Stage(database, user);
        await database.SaveChangesAsync(cancellationToken);
        return (await UserReader.ViewAsync(database, user, cancellationToken), revoking ? 1 : 0);
    }

    /// <summary>Takes the row first: what is read of the user afterwards, roles and claims too, is of one state.</summary>
    private static async Task<User> LoadAsync(UsersDbContext database, Guid id, EntityTags tags, CancellationToken cancellationToken)
    {
        await database.Users.Where(user => user.Id == id).ExecuteUpdateAsync(set => set.SetProperty(user => user.ConcurrencyStamp, user => user.ConcurrencyStamp), cancellationToken);
        var user = await database.Users.SingleOrDefaultAsync(user => user.Id == id, cancellationToken) ?? throw RefusedException.NotFound("user");
        tags.Match(user.ConcurrencyStamp!);
        return user;
    }

    /// <summary>Sessions of another epoch are not refreshed.</summary>
    private static void EndSessions(User user)
    {
        user.SessionEpoch++;
        user.SecurityStamp = Guid.NewGuid().ToString("N");
        Touch(user);
    }

    private static void Touch(User user) => user.ConcurrencyStamp = Guid.NewGuid().ToString();

    private void SetProfile(User user, UserChange change)
    {
        user.UserName = change.UserName.Or(user.UserName!);
        user.NormalizedUserName = manager.NormalizeName(user.UserName);
        user.DisplayName = change.Name.Or(user.DisplayName);
        user.Email = change.Email.Or(user.Email);
        user.NormalizedEmail = manager.NormalizeEmail(user.Email);
    }

    private static async Task SetRolesAsync(
        UsersDbContext database, Guid userId, IReadOnlyList<string> before, IReadOnlyList<string> after, CancellationToken cancellationToken)
    {
        var known = await database.Roles.Where(role => after.Contains(role.Name) || before.Contains(role.Name))
            .ToDictionaryAsync(role => role.Name!, role => role.Id, StringComparer.Ordinal, cancellationToken);
        if (after.FirstOrDefault(role => !known.ContainsKey(role)) is { } unknown) throw RefusedException.Invalid("roles", $"There is no role '{unknown}'.");
        foreach (var role in after.Except(before)) database.Add(new IdentityUserRole<Guid> { UserId = userId, RoleId = known[role] });
        foreach (var role in before.Except(after)) database.Remove(new IdentityUserRole<Guid> { UserId = userId, RoleId = known[role] });
    }

    private static async Task SetClaimsAsync(UsersDbContext database, User user, JsonObject claims, CancellationToken cancellationToken)
    {
        database.RemoveRange(await database.UserClaims.Where(claim => claim.UserId == user.Id).ToListAsync(cancellationToken));
        foreach (var (name, value) in claims)
            database.Add(new IdentityUserClaim<Guid> { UserId = user.Id, ClaimType = name, ClaimValue = value?.ToJsonString() ?? "null" });
    }

    /// <summary>Whoever takes an administrator away holds the row of the role until the commit: two who each take one of the
    /// last two away do so one after the other.</summary>
    private static async Task EnsureOtherAdministratorAsync(UsersDbContext database, Guid except, CancellationToken cancellationToken)
    {
        var stamp = Guid.NewGuid().ToString();
        await database.Roles.Where(role => role.Name == Role.Admin).ExecuteUpdateAsync(set => set.SetProperty(role => role.ConcurrencyStamp, stamp), cancellationToken);
        var others = from userRole in database.UserRoles
                     join role in database.Roles on userRole.RoleId equals role.Id
                     join user in database.Users on userRole.UserId equals user.Id
                     where role.Name == Role.Admin && user.Id != except && !user.Disabled
                     select user.Id;
        if (!await others.AnyAsync(cancellationToken))
            throw RefusedException.Conflict("last_administrator", "This is the last administrator who is not disabled; make another one first.");
    }

    private static void Check(UserChange change, Faults faults)
    {
        if (change.UserName is { IsGiven: true, Value: var userName } && UserNames.Fault(userName) is { } fault) faults.Add("username", fault);
        if (change.Name is { IsGiven: true, Value: { } name } && (name.Length is 0 or > MaxDisplayNameLength || name.Any(char.IsControl) || string.IsNullOrWhiteSpace(name)))
            faults.Add("name", $"A name has 1 to {MaxDisplayNameLength} characters, and no control characters.");
        if (change.Claims is { IsGiven: true, Value: var claims } && CustomClaim.Fault(claims) is { } claimFault) faults.Add("claims", claimFault);
        if (change.Email is { IsGiven: true, Value: { } email } && !Registration.IsEmail(email)) faults.Add("email", "Enter a valid e-mail address.");
    }

    private async Task CheckPasswordAsync(User user, string password, Faults faults)
    {
        foreach (var reason in await Registration.PasswordErrorsAsync(manager, user, password)) faults.Add("password", reason);
    }

    private void Record(UsersDbContext database, string type, SessionActor by, User user, JsonObject? detail = null) =>
        audit.Stage(database, new AuditRecord(type, by.Actor, user.Id.ToString("D"), ClientId: null, Sid: null, detail));

    private static JsonObject Difference((string? UserName, string? DisplayName, string? Email) before, User user)
    {
        var changed = new JsonArray();
        if (before.UserName != user.UserName) changed.Add("username");
        if (before.DisplayName != user.DisplayName) changed.Add("name");
        if (before.Email != user.Email) changed.Add("email");
        return new JsonObject { ["changed"] = changed };
    }

    private static JsonArray Names(IEnumerable<string> names) => [.. names.Select(name => (JsonNode)name)];

    private static JsonArray Names(JsonObject claims) => Names(claims.Select(claim => claim.Key));

    private static RefusedException NameTaken() => RefusedException.Conflict("user_exists", "There is a user of this name, or of one that looks the same.");
}
