using AuthService.Limits;
using AuthService.Sessions;
using AuthService.Tokens;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;
using ServiceHosting;

namespace AuthService.Users;

/// <summary>Registration, and what users may know and change of themselves.</summary>
internal static class UserEndpoints
{
    public static IEndpointRouteBuilder MapUserEndpoints(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost("/api/users", RegisterAsync);
        endpoints.MapGet("/api/users/me", ShowAsync).RequireUser();
        endpoints.MapPost("/api/users/me/password", ChangePasswordAsync).RequireUser();
        return endpoints;
    }

    private static async Task RegisterAsync(
        HttpContext context, IOptions<AuthServiceOptions> options, Registration registration, SignInLimit limit, ClientAddress address)
    {
        if (!options.Value.RegistrationEnabled)
        {
            await ProblemBody.WriteAsync(context, StatusCodes.Status403Forbidden, "registration_disabled", "Registration is closed.", context.RequestAborted);
            return;
        }
        if (await UserRequest.ReadAsync(context, ["username", "password"], "email") is not { } request) return;
        await limit.CountRegistrationAsync(address.Of(context), context.RequestAborted);
        var (user, errors) = await registration.RegisterAsync(request["username"]!, request["password"]!, request["email"], context.RequestAborted);
        if (errors is not null)
        {
            await UserRequest.RefuseAsync(context, errors);
        }
        else if (user is null)
        {
            await ProblemBody.WriteAsync(context, StatusCodes.Status409Conflict, "user_exists", "There is a user of this name.", context.RequestAborted);
        }
        else
        {
            context.Response.StatusCode = StatusCodes.Status201Created;
            context.Response.Headers.Location = "/api/users/me";
            await WriteAsync(context, user, [Role.User]);
        }
    }

    private static async Task ShowAsync(HttpContext context, UsersDbContext database)
    {
        var id = context.Caller().UserId!.Value;
        if (await database.Users.AsNoTracking().SingleOrDefaultAsync(u => u.Id == id, context.RequestAborted) is not { Disabled: false } user)
        {
            await GoneAsync(context);
            return;
        }
        var roles = from userRole in database.UserRoles join role in database.Roles on userRole.RoleId equals role.Id where userRole.UserId == id orderby role.Name select role.Name;
        await WriteAsync(context, user, await roles.ToListAsync(context.RequestAborted));
    }

    private static async Task ChangePasswordAsync(HttpContext context, PasswordChange change)
    {
        var caller = context.Caller();
        if (await UserRequest.ReadAsync(context, ["current_password", "new_password"]) is not { } request) return;
        var outcome = await change.ChangeAsync(
            context, caller.UserId!.Value, request["current_password"]!, request["new_password"]!, caller.Sid, context.RequestAborted);
        await (outcome switch
        {
            { Receipt: { } receipt } => SessionEndpoints.Receipt(context, receipt).ExecuteAsync(context),
            { CurrentIsWrong: true } => WrongPasswordAsync(context),
            { Reasons: { } reasons } => UserRequest.RefuseAsync(context, new Dictionary<string, string[]> { ["new_password"] = [.. reasons] }),
            _ => GoneAsync(context),
        });
    }

    private static Task WrongPasswordAsync(HttpContext context) =>
        UserRequest.RefuseAsync(context, new Dictionary<string, string[]> { ["current_password"] = ["This is not the current password."] });

    /// <summary>The token was good but its user is not there any more.</summary>
    private static Task GoneAsync(HttpContext context)
    {
        context.Response.Headers.WWWAuthenticate = "Bearer error=\"invalid_token\", error_description=\"The token was revoked.\"";
        return ProblemBody.WriteAsync(context, StatusCodes.Status401Unauthorized, AccessTokenReading.Revoked, "The token was revoked.", context.RequestAborted);
    }

    private static Task WriteAsync(HttpContext context, User user, IReadOnlyList<string?> roles)
    {
        context.Response.Headers.CacheControl = "no-store";
        return context.Response.WriteAsJsonAsync(
            new Dictionary<string, object?>
            {
                ["id"] = user.Id,
                ["username"] = user.UserName,
                ["name"] = user.DisplayName ?? user.UserName,
                ["email"] = user.Email,
                ["roles"] = roles,
                ["created_at"] = DateTimeOffset.FromUnixTimeMilliseconds(user.CreatedAtMs),
            },
            context.RequestAborted);
    }
}
