using System.CommandLine;
using System.CommandLine.Help;

namespace AuthService.Administration.Commands;

/// <summary>Administration from a command line: <c>auth-service users create …</c>. It does what the endpoints do, through
/// the same services, with the configuration of the service.</summary>
internal static class AdministrationCommands
{
    private static readonly string[] Names = ["users", "roles", "clients", "sessions", "keys", "audit"];
    private static readonly string[] Help = ["help", "--help", "-h", "-?"];

    /// <summary>What is not named here is an argument of the service.</summary>
    public static bool Handles(string[] args) => args is [var first, ..] && (Names.Contains(first) || (args.Length == 1 && Help.Contains(first)));

    /// <returns>0: done; 1: it could not be done; 2: the command line is wrong.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        var parsed = Root().Parse(args is ["help"] ? ["--help"] : args);
        if (parsed.Action is not HelpAction && parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors) await Console.Error.WriteLineAsync($"{Program.Service.Name}: {error.Message}");
            await Console.Error.WriteLineAsync($"See '{Program.Service.Name} {Path(parsed)}--help'.");
            return CommandRun.WrongUsage;
        }
        return await parsed.InvokeAsync();
    }

    private static RootCommand Root() => new("""
        The auth-service. Without a command it serves; with one it administers the users database that the service uses,
        and tells every gateway. Settings are those of the service: appsettings.json beside the program, mounted
        directories, environment variables (ConnectionStrings__Users=...), and --setting KEY=VALUE here.
        Exit code 0: done; 1: it could not be done, the reason is on standard error; 2: the command line is wrong.
        """)
    {
        UserCommands.Create(), RoleCommands.Create(), ClientCommands.Create(), SessionCommands.Create(), KeyCommands.Create(), AuditCommands.Create(),
    };

    private static string Path(ParseResult parsed)
    {
        var command = parsed.CommandResult;
        var path = "";
        for (; command.Command is not RootCommand && command.Parent is System.CommandLine.Parsing.CommandResult parent; command = parent) path = command.Command.Name + " " + path;
        return path;
    }
}
