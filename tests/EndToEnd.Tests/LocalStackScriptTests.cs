using System.Diagnostics;
using System.Net.Sockets;
using Testing;

namespace EndToEnd.Tests;

/// <summary>deploy/local/up.sh and down.sh, as a person at a shell uses them.</summary>
public sealed class LocalStackScriptTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(3);
    private static readonly string Scripts = Path.Combine(Repository.Root, "deploy", "local");

    // The scripts start the Release build: a Debug test run lets them build it.
    private static readonly string[] Build = Repository.Configuration == "Release" ? ["--no-build"] : [];

    private readonly IReadOnlyList<PortLease> _ports = PortLease.TakeBlock(
        0, 1, 2, 3, 10, 11, 20, 30, 100, 101, 110, 111, 120, 130, 200, 210, 220, 230);

    private string PortBase => $"{_ports[0].Port}";

    private string Files => Path.Combine(Scripts, ".run", PortBase);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await RunAsync("down.sh", "--port-base", PortBase);
        foreach (var port in _ports) port.Dispose();
        if (Directory.Exists(Files)) Directory.Delete(Files, recursive: true);
    }

    [Fact]
    public async Task Detached_stack_answers_the_printed_lines_and_goes_down_without_a_trace()
    {
        var up = await RunAsync("up.sh", ["--detach", "--port-base", PortBase, .. Build]);

        Assert.Equal((0, ""), (up.ExitCode, up.Errors));
        var lines = up.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(4, lines.Length);
        Assert.Equal($"ready: http://127.0.0.1:{PortBase}", lines[0]);
        var pasted = await RunAsync("/bin/bash", "-c", string.Join('\n', lines[1..]));
        Assert.Contains("""{"message":"Hello, World!"}""", pasted.Output, StringComparison.Ordinal);
        Assert.Contains("""{"revoked":1,"gateways":1,"acknowledged":1,"durable":true}""", pasted.Output, StringComparison.Ordinal);

        var again = await RunAsync("up.sh", ["--detach", "--port-base", PortBase, .. Build]);
        Assert.Equal(1, again.ExitCode);
        Assert.Single(again.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));

        var processes = Processes();
        Assert.Equal(5, processes.Count); // the supervisor, Redis, auth-service, sample-backend, gateway
        var down = await RunAsync("down.sh", "--port-base", PortBase);
        Assert.Equal((0, ""), (down.ExitCode, down.Errors));
        await AssertGoneAsync(processes);
        Assert.Equal(0, (await RunAsync("down.sh", "--port-base", PortBase)).ExitCode);
    }

    [Fact]
    public async Task Replicas_on_a_Redis_Cluster_and_PostgreSQL_act_as_one()
    {
        Assert.SkipWhen(PostgresFixture.MissingReason is not null, PostgresFixture.MissingReason ?? "");
        await using var postgres = new PostgresFixture();
        await using var cluster = new RedisClusterFixture();
        await Task.WhenAll(postgres.StartAsync(), cluster.StartAsync());
        var name = (await postgres.CreateDatabaseAsync()).Split(';').Single(part => part.StartsWith("Database=", StringComparison.Ordinal))["Database=".Length..];

        var up = await RunAsync("up.sh", [
            "--detach", "--port-base", PortBase, "--gateways", "3", "--auth-services", "2",
            "--redis", cluster.Endpoints, "--database", $"postgres://postgres@127.0.0.1:{postgres.Port}/{name}", .. Build]);

        Assert.Equal((0, ""), (up.ExitCode, up.Errors));
        var processes = Processes();
        Assert.Equal(7, processes.Count); // the supervisor, two auth-services, sample-backend, three gateways
        Assert.False(File.Exists(Path.Combine(Files, "users.db")));
        var gateways = new[] { 0, 100, 200 }.Select(offset => Stack.NewClient(new Uri($"http://127.0.0.1:{_ports[0].Port + offset}"))).ToList();
        foreach (var gateway in gateways)
        {
            var tokens = (await gateway.PostAsync("/api/token/", new { username = "alice", password = "alice-password-1" })).Tokens;
            foreach (var other in gateways) Assert.Equal(200, (await other.GetAsync("/hello/", tokens.Access)).Status);
            Assert.Equal("""{"revoked":1,"gateways":3,"acknowledged":3,"durable":true}""", (await gateway.LogoutAsync(tokens.Access)).Body);
            foreach (var other in gateways) Assert.Equal("token_revoked", (await other.GetAsync("/hello/", tokens.Access)).Code);
        }

        gateways.ForEach(gateway => gateway.Dispose());
        var down = await RunAsync("down.sh", "--port-base", PortBase);
        Assert.Equal((0, ""), (down.ExitCode, down.Errors));
        await AssertGoneAsync(processes);
    }

    [Fact]
    public async Task Users_and_keys_outlive_a_restart()
    {
        Assert.Equal(0, (await RunAsync("up.sh", ["--detach", "--port-base", PortBase, .. Build])).ExitCode);
        using var client = Stack.NewClient(new Uri($"http://127.0.0.1:{PortBase}"));
        var tokens = (await client.PostAsync("/api/token/", new { username = "alice", password = "alice-password-1" })).Tokens;
        await RunAsync("down.sh", "--port-base", PortBase);

        Assert.Equal(0, (await RunAsync("up.sh", ["--detach", "--port-base", PortBase, .. Build])).ExitCode);

        Assert.Equal(200, (await client.GetAsync("/hello/", tokens.Access)).Status);
        Assert.Equal(200, (await client.RefreshAsync(tokens.Refresh)).Status);
    }

    [Fact]
    public async Task Process_that_dies_at_start_takes_the_stack_down_with_its_reasons()
    {
        var up = await RunAsync("up.sh", ["--detach", "--port-base", PortBase, "--env", "Redis__KeyPrefix=a{b}:", .. Build]);

        Assert.Equal(1, up.ExitCode);
        Assert.Contains("Redis:KeyPrefix", up.Errors, StringComparison.Ordinal);
        Assert.Contains("stopped at start with exit code 1", up.Errors, StringComparison.Ordinal);
        Assert.Empty(Processes());
        Assert.False(await IsListeningAsync(_ports[3].Port));
    }

    [Fact]
    public async Task Script_killed_half_way_leaves_nothing_running()
    {
        using var up = Start("up.sh", ["--detach", "--port-base", PortBase, .. Build]);
        var processes = new List<int>();
        await Eventually.TrueAsync(_ => Task.FromResult((processes = Processes()).Count == 5), Deadline, () => "not started", TestContext.Current.CancellationToken);

        up.Kill();

        await AssertGoneAsync(processes);
    }

    [Theory]
    [InlineData("--no-such-option")]
    [InlineData("--gateways", "none")]
    [InlineData("--port-base")]
    [InlineData("--redis", "127.0.0.1")]
    [InlineData("--env", "no-value")]
    public async Task Wrong_option_is_told_in_one_line(params string[] options)
    {
        var up = await RunAsync("up.sh", options);

        Assert.Equal((1, ""), (up.ExitCode, up.Output));
        Assert.Contains(options[0], Assert.Single(up.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Port_in_use_is_told_in_one_line()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, _ports[4].Port);
        listener.Start();

        var up = await RunAsync("up.sh", ["--detach", "--port-base", PortBase, .. Build]);

        Assert.Equal(1, up.ExitCode);
        Assert.Contains($"port {_ports[4].Port} ", Assert.Single(up.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    private List<int> Processes() =>
        Directory.Exists(Files)
            ? [.. Directory.GetFiles(Files, "*.pid").Select(File.ReadAllText).Where(text => text.Contains(' ', StringComparison.Ordinal)).Select(text => int.Parse(text.Split(' ')[0]))]
            : [];

    private async Task AssertGoneAsync(List<int> processes)
    {
        await Eventually.TrueAsync(
            _ => Task.FromResult(!processes.Exists(IsRunning)), TimeSpan.FromSeconds(40), () => $"still running: {string.Join(' ', processes.Where(IsRunning))}", TestContext.Current.CancellationToken);
        foreach (var port in _ports) Assert.False(await IsListeningAsync(port.Port), $"port {port.Port} is still taken");
        Assert.Empty(Processes());
    }

    private static bool IsRunning(int process) => Directory.Exists($"/proc/{process}") && !File.ReadAllText($"/proc/{process}/stat").Contains(") Z", StringComparison.Ordinal);

    private static async Task<bool> IsListeningAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync("127.0.0.1", port, TestContext.Current.CancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static Process Start(string command, params IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(Scripts, command))
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(string command, params IReadOnlyList<string> arguments)
    {
        using var process = Start(command, arguments);
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var output = await process.StandardOutput.ReadToEndAsync(CancellationToken.None).WaitAsync(Deadline);
        await process.WaitForExitAsync(CancellationToken.None).WaitAsync(Deadline);
        return (process.ExitCode, output, await errors.WaitAsync(Deadline));
    }
}
