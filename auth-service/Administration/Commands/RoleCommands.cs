using System.CommandLine;

namespace AuthService.Administration.Commands;

/// <summary><c>roles …</c>.</summary>
internal static class RoleCommands
{
    private static readonly Argument<string> Name = new("role") { Description = "The role's name." };
    private static readonly Option<string[]> Add = new("--add") { Description = "NAME=VALUE; may be repeated, with the same name too: then all its values count." };
    private static readonly Option<string[]> Remove = new("--remove") { Description = "NAME of a claim to take away; may be repeated." };

    public static Command Create() => new("roles", "Makes, shows, changes and deletes roles, and the claims that their users have by them.")
    {
        CommandRun.Verb("create", "Makes a role.", async run =>
            run.Output.Item((await run.Get<RoleAdministration>().CreateAsync(run.Value(Name), ClaimArguments.Apply([], run.Value(Add) ?? [], []), run.By, run.Cancellation)).Members), Name, Add),
        CommandRun.Verb("list", "Shows roles in the order of their names.", async run =>
            run.Output.Page(await run.Get<RoleAdministration>().ListAsync(PageOptions.Read(run), run.Cancellation), view => view.Members, "name", "claims"), PageOptions.All),
        CommandRun.Verb("claims", "Gives claims to a role and takes them away; its users' access tokens end. Without options it shows them.", ChangeAsync, Name, Add, Remove),
        CommandRun.Verb("delete", "Deletes a role; its users have it no more.", DeleteAsync, Name),
    };

    private static async Task ChangeAsync(CommandRun run)
    {
        var roles = run.Get<RoleAdministration>();
        var (add, remove) = (run.Value(Add) ?? [], run.Value(Remove) ?? []);
        var role = await roles.FindAsync(run.Value(Name), run.Cancellation);
        if (add.Length + remove.Length == 0)
        {
            run.Output.Item(role.Members);
            return;
        }
        await run.ConnectAsync();
        var changed = await roles.ChangeAsync(run.Value(Name), ClaimArguments.Apply(role.Claims, add, remove), EntityTags.Only(role.Stamp), run.By, run.Cancellation);
        run.Output.Changed($"Role {run.Value(Name)} has the claims asked for", changed.Value.Members, changed.Receipt);
    }

    private static async Task DeleteAsync(CommandRun run)
    {
        await run.ConnectAsync();
        var receipt = await run.Get<RoleAdministration>().DeleteAsync(run.Value(Name), EntityTags.Any, run.By, run.Cancellation);
        run.Output.Changed($"Role {run.Value(Name)} is deleted", new() { ["name"] = run.Value(Name) }, receipt);
    }
}
