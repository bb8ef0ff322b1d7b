using System.CommandLine;
using ServiceHosting;
using Yarp.ReverseProxy;

namespace Gateway.BoundaryCheck;

/// <summary>What the gateway's program does besides serving.</summary>
internal static class GatewayCommands
{
    private const string CheckConfig = "check-config";
    private const string CheckBoundary = "check-boundary";

    public static bool Handles(string[] args) => args is [CheckConfig or CheckBoundary, ..];

    public static Task<int> RunAsync(string[] args) => Root().Parse(args).InvokeAsync();

    private static RootCommand Root() => new("The gateway. Without a command it serves.") { ConfigCommand(), BoundaryCommand() };

    private static Command ConfigCommand()
    {
        var command = new Command(CheckConfig, "Reads the configuration as a start would, and lists every problem. Exit code 1 if there is one.")
        {
            TreatUnmatchedTokensAsErrors = false,
        };
        command.SetAction((parsed, _) => ServiceHost.CheckAsync(Program.Service, [.. parsed.UnmatchedTokens], Program.AddServices, Program.UsePipeline, app =>
            Console.Out.WriteLine($"{Program.Service.Name}: the configuration is good, with {app.Services.GetRequiredService<IProxyStateLookup>().GetRoutes().Count()} routes")));
        return command;
    }

    private static Command BoundaryCommand()
    {
        var url = new Option<string[]>("--url")
        {
            Description = "Address of a running gateway: http for HTTP/1.1, https for HTTP/1.1 and HTTP/2. May be repeated.",
            Required = true,
        };
        var http2 = new Option<string[]>("--http2-url") { Description = "Address of its HTTP/2 port without TLS. May be repeated." };
        var echo = new Option<string>("--echo")
        {
            Description = "A path for everybody whose backend answers with what it received, as JSON {\"path\",\"headers\"}.",
            DefaultValueFactory = _ => "/public/echo",
        };
        var closed = new Option<string>("--protected")
        {
            Description = "A path of the same kind for signed-in callers.",
            DefaultValueFactory = _ => "/echo",
        };
        var token = new Option<FileInfo>("--token-file")
        {
            Description = "A file with an access token: the protected path is attacked as its owner too. A file, because arguments are seen by every user of the machine.",
        };
        token.AcceptExistingOnly();
        var insecure = new Option<bool>("--insecure") { Description = "Accept any TLS certificate." };

        var command = new Command(CheckBoundary, "Fires the header and path corpus at a running gateway and prints what reached the backend. Exit code 1 if anything foreign did.")
        {
            url, http2, echo, closed, token, insecure,
        };
        command.SetAction((parsed, cancellationToken) => new BoundaryInspection(
            new BoundaryCheckTarget(
                Addresses(parsed.GetValue(url)), Addresses(parsed.GetValue(http2)),
                parsed.GetValue(echo)!.TrimEnd('/'), parsed.GetValue(closed)!.TrimEnd('/'), parsed.GetValue(insecure),
                parsed.GetValue(token) is { } file ? File.ReadAllText(file.FullName).Trim() : null),
            Console.Out).RunAsync(cancellationToken));
        return command;
    }

    private static List<Uri> Addresses(string[]? texts) => [.. (texts ?? []).Select(text => new Uri(text, UriKind.Absolute))];
}
