using System.CommandLine;
using AuthService.Revocation;

namespace AuthService.Administration.Commands;

/// <summary><c>sessions …</c>.</summary>
internal static class SessionCommands
{
    private static readonly Argument<string?> Sid = new("sid") { Description = "The session's id.", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string?> User = new("--user") { Description = "User name or id." };
    private static readonly Option<string?> Client = new("--client") { Description = "Client id." };

    public static Command Create() => new("sessions", "Shows and ends sign-ins.")
    {
        CommandRun.Verb("list", "Shows live sessions in the order of user names. A page may hold fewer than asked for, or none, and still have a next one.", ListAsync, [User, Client, .. PageOptions.All]),
        CommandRun.Verb("revoke", "Ends one session (SID), or all of a user (--user).", RevokeAsync, Sid, User),
    };

    private static async Task ListAsync(CommandRun run)
    {
        Guid? user = run.Value(User) is { } named ? await run.Get<UserReader>().FindIdAsync(named, run.Cancellation) : null;
        var page = await run.Get<SessionAdministration>().ListAsync(PageOptions.Read(run), user, run.Value(Client), run.Cancellation);
        run.Output.Page(page, view => view.Members, "sid", "username", "client_id", "created_at", "last_seen_at", "expires_at", "ip", "user_agent");
    }

    private static async Task RevokeAsync(CommandRun run)
    {
        var (sid, user) = (run.Value(Sid), run.Value(User));
        if (sid is null == user is null) throw RefusedException.Invalid("sessions revoke", "Name one session (SID), or a user (--user).");
        await run.ConnectAsync();
        var sessions = run.Get<SessionAdministration>();
        RevocationReceipt receipt;
        if (sid is not null) receipt = await sessions.EndAsync(sid, run.By, run.Cancellation);
        else receipt = await sessions.EndAllAsync(await run.Get<UserReader>().FindIdAsync(user!, run.Cancellation), run.By, run.Cancellation);
        run.Output.Changed(sid is null ? $"The sessions of {user} have ended" : $"Session {sid} has ended", [], receipt);
    }
}
