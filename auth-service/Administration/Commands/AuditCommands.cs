using System.CommandLine;

namespace AuthService.Administration.Commands;

/// <summary><c>audit …</c>.</summary>
internal static class AuditCommands
{
    private static readonly Option<string?> From = new("--from") { Description = "From this moment on, such as 2026-01-31T12:00:00Z." };
    private static readonly Option<string?> To = new("--to") { Description = "Before this moment." };
    private static readonly Option<string?> Subject = new("--subject") { Description = "Whom or what it befell: the id of a user, client, key or role." };
    private static readonly Option<string?> Actor = new("--actor") { Description = "Who did it: the id of a user or client, or command-line." };
    private static readonly Option<string?> Type = new("--type") { Description = "Only events of this type, such as user.disabled." };
    private static readonly Option<string?> Client = new("--client") { Description = "Client id." };
    private static readonly Option<string?> Sid = new("--sid") { Description = "Session id." };

    public static Command Create() => new("audit", "Shows what has happened that somebody may have to account for.")
    {
        CommandRun.Verb("list", "Shows audit events, the latest first.", ListAsync, [From, To, Subject, Actor, Type, Client, Sid, .. PageOptions.All]),
    };

    private static async Task ListAsync(CommandRun run)
    {
        var filter = new AuditFilter(
            Time(run, From, "--from"), Time(run, To, "--to"), run.Value(Subject), run.Value(Actor), run.Value(Type), run.Value(Client), run.Value(Sid));
        var page = await run.Get<AuditReader>().ListAsync(PageOptions.Read(run), filter, run.Cancellation);
        run.Output.Page(page, AuditReader.Members, "at", "type", "actor", "subject", "client_id", "sid", "ip", "detail");
    }

    private static DateTimeOffset? Time(CommandRun run, Option<string?> option, string name)
    {
        if (run.Value(option) is not { } text) return null;
        return Moments.TryParse(text, out var moment) ? moment : throw RefusedException.Invalid(name, "This must be a time such as 2026-01-31T12:00:00Z.");
    }
}
