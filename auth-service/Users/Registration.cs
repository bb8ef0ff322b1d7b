using AuthService.Audit;
using AuthService.Users.Names;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Users;

/// <summary>Makes a user, with role and audit event in one transaction.</summary>
internal sealed class Registration(UsersDbContext database, UserManager<User> manager, PasswordHashing hashing, AuditLog audit, TimeProvider time)
{
    /// <summary>RFC 5321 section 4.5.3.1: the path, and the part before the @.</summary>
    private const int MaxEmailLength = 254;

    private const int MaxLocalLength = 64;

    /// <summary>The new user; or the reasons by member why there cannot be one; or neither: the name is taken.</summary>
    public async Task<(User? User, IReadOnlyDictionary<string, string[]>? Errors)> RegisterAsync(
        string userName, string password, string? email, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var user = new User
        {
            Id = Guid.NewGuid(),
            UserName = UserNames.Narrow(userName),
            NormalizedUserName = manager.NormalizeName(userName),
            Email = email,
            NormalizedEmail = manager.NormalizeEmail(email),
            SecurityStamp = Guid.NewGuid().ToString("N"),
            CreatedAtMs = now,
        };
        var errors = new Dictionary<string, string[]>(StringComparer.Ordinal);
        if (UserNames.Fault(userName) is { } fault) errors["username"] = [fault];
        if (email is not null && !IsEmail(email)) errors["email"] = ["Enter a valid e-mail address."];
        if (await PasswordErrorsAsync(manager, user, password) is { Length: > 0 } reasons) errors["password"] = reasons;
        if (errors.Count > 0) return (null, errors);
        // Before the slow hash; the unique indexes have the last word.
        var skeleton = NameSkeleton.Of(user.UserName);
        if (await database.Users.AnyAsync(u => u.NormalizedUserName == user.NormalizedUserName || u.NameSkeleton == skeleton, cancellationToken)) return (null, null);

        user.PasswordHash = await hashing.HashAsync(user, password, cancellationToken);
        database.Add(user);
        database.Add(new IdentityUserRole<Guid>
        {
            UserId = user.Id,
            RoleId = await database.Roles.Where(role => role.Name == Role.User).Select(role => role.Id).SingleAsync(cancellationToken),
        });
        audit.Stage(database, new AuditRecord(AuditTypes.UserRegistered, user.Id.ToString("D"), user.Id.ToString("D"), ClientId: null, Sid: null));
        try
        {
            await database.SaveChangesAsync(cancellationToken);
            return (user, null);
        }
        catch (DbUpdateException e) when (UsersDatabaseFaults.IsDuplicate(e))
        {
            return (null, null);
        }
    }

    /// <summary>Why a password is not acceptable; empty if it is.</summary>
    public static async Task<string[]> PasswordErrorsAsync(UserManager<User> manager, User user, string password)
    {
        var errors = new List<string>();
        foreach (var validator in manager.PasswordValidators)
            errors.AddRange((await validator.ValidateAsync(manager, user, password)).Errors.Select(error => error.Description));
        return [.. errors];
    }

    /// <summary>One @ with something on both sides, no blanks or control characters: whether mail arrives only a mail can tell.</summary>
    public static bool IsEmail(string email) =>
        email.Length <= MaxEmailLength && email.Split('@') is [{ Length: > 0 and <= MaxLocalLength }, { Length: > 0 } domain]
        && domain.Split('.').All(label => label is { Length: > 0 and <= 63 } and not ['-', ..] and not [.., '-'])
        && !email.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || char.IsSurrogate(c));
}
