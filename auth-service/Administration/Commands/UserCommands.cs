using System.CommandLine;
using System.Text.Json.Nodes;

namespace AuthService.Administration.Commands;

/// <summary><c>users …</c>.</summary>
internal static class UserCommands
{
    private static readonly Argument<string> User = new("user") { Description = "User name or id." };
    private static readonly Argument<string> UserName = new("username") { Description = "What the user signs in with." };
    private static readonly Option<string[]> Role = new("--role") { Description = "A role; may be repeated. Without it: user." };
    private static readonly Option<string?> Email = new("--email") { Description = "E-mail address." };
    private static readonly Option<string?> Name = new("--name") { Description = "What the name claim says; the user name if it is not given." };
    private static readonly Option<bool> Disabled = new("--disabled") { Description = "The user cannot sign in." };
    private static readonly Option<bool> PasswordFromInput = new("--password-stdin") { Description = "The password is the first line of standard input. Without it you are asked." };
    private static readonly Option<string[]> AddRole = new("--add") { Description = "Give this role; may be repeated." };
    private static readonly Option<string[]> RemoveRole = new("--remove") { Description = "Take this role away; may be repeated." };
    private static readonly Option<string[]> AddClaim = new("--add") { Description = "NAME=VALUE; may be repeated, with the same name too: then all its values count." };
    private static readonly Option<string[]> RemoveClaim = new("--remove") { Description = "NAME of a claim to take away; may be repeated." };
    private static readonly Option<string?> NameFilter = new("--username") { Description = "Only users whose names begin so." };
    private static readonly Option<string?> RoleFilter = new("--role") { Description = "Only users with this role." };
    private static readonly Option<string?> EmailFilter = new("--email") { Description = "Only the users of this address." };
    private static readonly Option<bool?> DisabledFilter = new("--disabled") { Description = "Only users who are disabled (true) or not (false)." };

    public static Command Create() => new("users", "Makes, shows, changes and deletes users. Changes end sessions or tokens at every gateway.")
    {
        CommandRun.Verb("create", "Makes a user. The first administrator: users create NAME --role user --role admin.", CreateAsync, UserName, Role, Email, Name, Disabled, PasswordFromInput),
        CommandRun.Verb("list", "Shows users in the order of their names.", ListAsync, [NameFilter, RoleFilter, EmailFilter, DisabledFilter, .. PageOptions.All]),
        CommandRun.Verb("show", "Shows one user.", ShowAsync, User),
        CommandRun.Verb("disable", "Ends every session of a user; no sign-in from now on.", run => SetDisabledAsync(run, true), User),
        CommandRun.Verb("enable", "Lets a disabled user sign in again.", run => SetDisabledAsync(run, false), User),
        CommandRun.Verb("delete", "Deletes a user and ends every session. There is no way back.", DeleteAsync, User),
        CommandRun.Verb("roles", "Gives roles and takes them away; without options it shows them.", ChangeRolesAsync, User, AddRole, RemoveRole),
        CommandRun.Verb("claims", "Gives claims and takes them away; without options it shows them.", ChangeClaimsAsync, User, AddClaim, RemoveClaim),
        CommandRun.Verb("password", "Sets another password and ends every session.", ResetPasswordAsync, User, PasswordFromInput),
        CommandRun.Verb("second-factor-reset", "Takes the second factor away from a user who has lost it.", ResetSecondFactorAsync, User),
    };

    private static async Task CreateAsync(CommandRun run)
    {
        var password = await PasswordInput.ReadAsync(run.Value(PasswordFromInput), run.Cancellation);
        var roles = run.Given(Role);
        var user = await run.Get<UserAdministration>().CreateAsync(
            run.Value(UserName),
            password,
            new UserChange
            {
                Roles = roles.IsGiven ? roles.Value : default(Given<IReadOnlyList<string>>),
                Email = run.Given(Email),
                Name = run.Given(Name),
                Disabled = run.Given(Disabled),
            },
            run.By,
            run.Cancellation);
        run.Output.Item(user.Members);
    }

    private static async Task ListAsync(CommandRun run)
    {
        var filter = new UserFilter(run.Value(NameFilter), run.Value(EmailFilter), run.Value(RoleFilter), run.Value(DisabledFilter));
        var page = await run.Get<UserReader>().ListAsync(PageOptions.Read(run), filter, run.Cancellation);
        run.Output.Page(page, view => view.Members, "id", "username", "name", "email", "roles", "claims", "disabled", "second_factor", "created_at");
    }

    private static async Task ShowAsync(CommandRun run)
    {
        var reader = run.Get<UserReader>();
        run.Output.Item((await reader.FindAsync(await reader.FindIdAsync(run.Value(User), run.Cancellation), run.Cancellation)).Members);
    }

    private static Task SetDisabledAsync(CommandRun run, bool disabled) =>
        ChangeAsync(run, _ => new UserChange { Disabled = disabled }, disabled ? "is disabled" : "is enabled");

    private static Task ResetSecondFactorAsync(CommandRun run) => ChangeAsync(run, _ => new UserChange { SecondFactor = false }, "has no second factor");

    private static async Task DeleteAsync(CommandRun run)
    {
        await run.ConnectAsync();
        var id = await run.Get<UserReader>().FindIdAsync(run.Value(User), run.Cancellation);
        var receipt = await run.Get<UserAdministration>().DeleteAsync(id, EntityTags.Any, run.By, run.Cancellation);
        run.Output.Changed($"User {run.Value(User)} is deleted", new() { ["id"] = id }, receipt);
    }

    private static async Task ChangeRolesAsync(CommandRun run)
    {
        var (add, remove) = (run.Value(AddRole) ?? [], run.Value(RemoveRole) ?? []);
        if (add.Length + remove.Length == 0) await ShowAsync(run);
        else await ChangeAsync(run, user => new UserChange { Roles = user.Roles.Union(add).Except(remove).ToList() }, "has the roles asked for");
    }

    private static async Task ChangeClaimsAsync(CommandRun run)
    {
        var (add, remove) = (run.Value(AddClaim) ?? [], run.Value(RemoveClaim) ?? []);
        if (add.Length + remove.Length == 0) await ShowAsync(run);
        else await ChangeAsync(run, user => new UserChange { Claims = ClaimArguments.Apply(user.Claims, add, remove) }, "has the claims asked for");
    }

    private static async Task ResetPasswordAsync(CommandRun run)
    {
        await run.ConnectAsync();
        var id = await run.Get<UserReader>().FindIdAsync(run.Value(User), run.Cancellation);
        var password = await PasswordInput.ReadAsync(run.Value(PasswordFromInput), run.Cancellation);
        var changed = await run.Get<UserAdministration>().ResetPasswordAsync(id, password, EntityTags.Any, run.By, run.Cancellation);
        run.Output.Changed($"User {changed.Value.User.UserName} has another password", new() { ["id"] = id }, changed.Receipt);
    }

    /// <summary>Reads, changes, and does so again if somebody else changed the user in between.</summary>
    private static async Task ChangeAsync(CommandRun run, Func<UserView, UserChange> change, string done)
    {
        await run.ConnectAsync();
        var reader = run.Get<UserReader>();
        var id = await reader.FindIdAsync(run.Value(User), run.Cancellation);
        for (var attempt = 1; ; attempt++)
        {
            var user = await reader.FindAsync(id, run.Cancellation);
            try
            {
                var changed = await run.Get<UserAdministration>().ChangeAsync(id, change(user), EntityTags.Only(user.Stamp), run.By, run.Cancellation);
                run.Output.Changed($"User {user.User.UserName} {done}", changed.Value.Members, changed.Receipt);
                return;
            }
            catch (RefusedException e) when (e.Status == StatusCodes.Status412PreconditionFailed && attempt < 5)
            {
                // Read again.
            }
        }
    }
}

/// <summary>Claims as they are written on a command line.</summary>
internal static class ClaimArguments
{
    public static JsonObject Apply(JsonObject present, string[] add, string[] remove)
    {
        var claims = present.DeepClone().AsObject();
        foreach (var name in remove) claims.Remove(name);
        foreach (var given in add.Select(Parse).GroupBy(claim => claim.Name, claim => claim.Value, StringComparer.Ordinal))
            claims[given.Key] = given.ToList() is [var single] ? single : new JsonArray([.. given.Select(value => (JsonNode)value)]);
        return claims;
    }

    private static (string Name, string Value) Parse(string text)
    {
        var at = text.IndexOf('=', StringComparison.Ordinal);
        return at > 0 ? (text[..at], text[(at + 1)..]) : throw RefusedException.Invalid("--add", "A claim is written NAME=VALUE.");
    }
}

/// <summary>The options of every list.</summary>
internal static class PageOptions
{
    private static readonly Option<string?> Limit = new("--limit") { Description = $"How many at most, 1 to {PageRequest.MaxLimit}; {PageRequest.DefaultLimit} if it is not given." };
    private static readonly Option<string?> Cursor = new("--cursor") { Description = "Where to go on, as the page before said." };

    public static Symbol[] All => [Limit, Cursor];

    public static PageRequest Read(CommandRun run)
    {
        var faults = new Faults();
        var page = PageRequest.Create(run.Value(Limit), run.Value(Cursor), faults);
        faults.ThrowIfAny();
        return page;
    }
}
