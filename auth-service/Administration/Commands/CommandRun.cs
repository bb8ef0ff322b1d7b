using System.CommandLine;
using AuthService.Revocation;
using AuthService.Sessions;
using AuthService.SigningKeys;
using AuthService.Users;
using KeyEncryption;
using RevocationProtocol;
using ServiceHosting;

namespace AuthService.Administration.Commands;

/// <summary>One run of a verb: the service's own parts, built as it builds them, but nothing started.</summary>
internal sealed class CommandRun(IServiceProvider services, ParseResult parsed, CommandOutput output, CancellationToken cancellationToken) : IAsyncDisposable
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;

    /// <summary>Whoever may run the command may read the database's password: audit events can say no more than this.</summary>
    private const string Actor = "command-line";

    private static readonly TimeSpan RedisDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(100);

    private static readonly Option<bool> Json = new("--json") { Description = "Print JSON, as the endpoints answer it, for scripts." };

    private static readonly Option<string[]> Setting = new("--setting")
    {
        Description = "A setting of the service, KEY=VALUE such as ConnectionStrings:Users=...; wins over files and environment. May be repeated. Not for secrets: others on this machine can read command lines.",
    };

    private readonly TimeProvider _time = services.GetRequiredService<TimeProvider>();
    private readonly CancellationTokenSource _done = new();
    private Task _watching = Task.CompletedTask;

    public CommandOutput Output => output;

    public CancellationToken Cancellation => cancellationToken;

    public SessionActor By { get; } = new(Actor, Address: null, TraceId: null);

    public T Get<T>()
        where T : notnull => services.GetRequiredService<T>();

    public T Value<T>(Option<T> option) => parsed.GetValue(option)!;

    public T Value<T>(Argument<T> argument) => parsed.GetValue(argument)!;

    /// <summary>The value, if the option was given.</summary>
    public Given<T> Given<T>(Option<T> option) => parsed.GetResult(option) is { Implicit: false } ? parsed.GetValue(option)! : default(Given<T>);

    /// <summary>Makes a verb of a command.</summary>
    public static Command Verb(string name, string description, Func<CommandRun, Task> verb, params Symbol[] symbols)
    {
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument) command.Add(argument);
            else command.Add((Option)symbol);
        }
        command.Add(Json);
        command.Add(Setting);
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed, verb, cancellationToken));
        return command;
    }

    /// <summary>Asks Redis for its state, again and again as the service does: what revokes is refused while Redis is away.
    /// Returns once Redis is complete; or after a while without it, since not everything needs Redis.</summary>
    public async Task ConnectAsync()
    {
        var state = Get<RevocationState>();
        var began = _time.GetTimestamp();
        _watching = Task.Run(() => WatchAsync(state), CancellationToken.None);
        while (state.UnavailableReason is not null && _time.GetElapsedTime(began) < RedisDeadline)
            await Task.Delay(AskAgain, _time, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _done.CancelAsync();
        await _watching;
        _done.Dispose();
    }

    private async Task WatchAsync(RevocationState state)
    {
        while (!_done.IsCancellationRequested)
        {
            try
            {
                await state.RefreshAsync(_done.Token);
            }
            catch (Exception e) when (e is RedisUnavailableException or OperationCanceledException || UsersDatabaseFaults.IsAway(e))
            {
                // What needs it says so.
            }
            await Task.Delay(AskAgain, _time, _done.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static Task<int> RunAsync(ParseResult parsed, Func<CommandRun, Task> verb, CancellationToken cancellationToken)
    {
        var settings = parsed.GetValue(Setting) ?? [];
        if (Array.Find(settings, setting => !setting.Contains('=', StringComparison.Ordinal)) is not null)
            return ComplainAsync("--setting takes KEY=VALUE.", WrongUsage);
        var output = new CommandOutput(Console.Out, parsed.GetValue(Json));
        return ServiceHost.RunCommandAsync(
            Program.Service, [.. settings.Select(setting => "--" + setting)], AddServices, _ => { },
            async app =>
            {
                try
                {
                    await using var scope = app.Services.CreateAsyncScope();
                    await app.Services.GetRequiredService<Preparation>().PrepareAsync(cancellationToken);
                    await using var run = new CommandRun(scope.ServiceProvider, parsed, output, cancellationToken);
                    await verb(run);
                    return Done;
                }
                catch (Exception e) when (Reason(e) is { } reason)
                {
                    return await ComplainAsync(reason, e is RefusedException { Status: StatusCodes.Status400BadRequest } ? WrongUsage : Failed);
                }
            });
    }

    /// <summary>Standard output belongs to the result: what the parts log goes to standard error, warnings and worse.</summary>
    private static void AddServices(WebApplicationBuilder builder)
    {
        Program.AddServices(builder);
        builder.Logging.ClearProviders();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Logging.AddSimpleConsole(console => console.SingleLine = true);
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    }

    /// <summary>What people can act on; null for defects of the program.</summary>
    private static string? Reason(Exception exception) => exception switch
    {
        RefusedException refused => refused.Message,
        RedisUnavailableException => $"Redis does not answer, or does not hold all revocations yet; nothing was changed. ({exception.Message})",
        PasswordHashingBusyException or SigningKeysUnavailableException or KeyEncryptionException => exception.Message,
        _ when UsersDatabaseFaults.IsAway(exception) => $"The users database does not answer; nothing was changed. ({exception.GetBaseException().Message})",
        _ => null,
    };

    private static async Task<int> ComplainAsync(string reason, int code)
    {
        await Console.Error.WriteLineAsync($"{Program.Service.Name}: {reason}");
        return code;
    }
}
