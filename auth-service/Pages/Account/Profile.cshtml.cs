using AuthService.SignIn;
using AuthService.Users;
using Microsoft.EntityFrameworkCore;

namespace AuthService.Pages.Account;

/// <summary>What the service knows of the person.</summary>
internal sealed class ProfileModel(SignInCookie cookie, UsersDbContext database) : AccountPage(cookie, database)
{
    public IReadOnlyList<string?> Roles { get; private set; } = [];

    public async Task OnGetAsync() => Roles = await (
        from userRole in Database.UserRoles
        join role in Database.Roles on userRole.RoleId equals role.Id
        where userRole.UserId == Person.Id
        orderby role.Name
        select role.Name).ToListAsync(Aborted);
}
