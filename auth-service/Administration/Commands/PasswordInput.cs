using Spectre.Console;

namespace AuthService.Administration.Commands;

/// <summary>Reads a password, never from the command line, which others on the machine can read.</summary>
internal static class PasswordInput
{
    /// <param name="fromInput">Take the first line of standard input without asking; so does a standard input that is no terminal.</param>
    public static async Task<string> ReadAsync(bool fromInput, CancellationToken cancellationToken)
    {
        if (fromInput || Console.IsInputRedirected)
        {
            return await Console.In.ReadLineAsync(cancellationToken)
                ?? throw RefusedException.Invalid("password", "Standard input is empty; the first line of it must be the password.");
        }
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        var password = await AskAsync(console, "Password:", cancellationToken);
        return password == await AskAsync(console, "Again:", cancellationToken) ? password : throw RefusedException.Invalid("password", "The two are not the same.");
    }

    private static Task<string> AskAsync(IAnsiConsole console, string prompt, CancellationToken cancellationToken) =>
        new TextPrompt<string>(prompt) { AllowEmpty = true }.Secret(null).ShowAsync(console, cancellationToken);
}
