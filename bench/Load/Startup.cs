using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Bench.Load;

/// <summary>How long the services take from their start to ready and to their first answer, on a warm disk, and how much memory
/// they have when nobody asks; the gateway also after full load.</summary>
internal static class Startup
{
    private const int LoadSeconds = 15;

    private static readonly string AuthService = Path.Combine(World.Repository, "auth-service", "bin", "Release", "net10.0", "AuthService.dll");
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync(Options options)
    {
        await using var world = await World.StartAsync();
        var contenders = new Contenders(world);
        var keyEncryptionKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        List<Started> gateways = [], authServices = [];
        List<double> gatewaysAtRest = [], authServicesAtRest = [];
        var underLoad = double.NaN;
        // The first of each warms the disk; the first auth-service makes the database.
        for (var i = 0; i <= options.Rounds; i++)
        {
            var gateway = await contenders.StartGatewayAsync();
            var authService = await StartAuthServiceAsync(world, keyEncryptionKey);
            await Task.Delay(Rest);
            if (i > 0)
            {
                gateways.Add(gateway);
                authServices.Add(authService);
                gatewaysAtRest.Add(WorkingSet(gateway.Process));
                authServicesAtRest.Add(WorkingSet(authService.Process));
            }

            await StopAsync(authService.Process);
            if (i == options.Rounds) underLoad = await LoadAsync(gateway, contenders);
            await StopAsync(gateway.Process);
        }

        var table = new Table();
        table.Header("startup");
        table.Add($"gateway: start to ready, s, median of {options.Rounds}", Median(gateways, started => started.Ready), bar: 1.0);
        table.Add("the slowest, s", gateways.Max(started => started.Ready.TotalSeconds));
        table.Add("to its first authenticated 200, s, median", Median(gateways, started => started.FirstAnswer));
        table.Add($"working set {Rest.TotalSeconds:0} s after, MiB, median", Comparison.Median(gatewaysAtRest), bar: 120);
        table.Add($"working set after {LoadSeconds} s of full load, MiB", underLoad);
        table.Add($"auth-service: start to ready, s, median of {options.Rounds}", Median(authServices, started => started.Ready));
        table.Add("to its first 200, s, median", Median(authServices, started => started.FirstAnswer));
        table.Add($"working set {Rest.TotalSeconds:0} s after, MiB, median", Comparison.Median(authServicesAtRest));
        return table.HasMisses ? 1 : 0;
    }

    /// <summary>The auth-service as it starts on a database that is made by its first start.</summary>
    private static async Task<Started> StartAuthServiceAsync(World world, string keyEncryptionKey)
    {
        var (port, management) = (world.NextPort(), world.NextPort());
        var directory = world.Settings($"auth-service-{port}", new JsonObject
        {
            ["Kestrel"] = new JsonObject { ["Endpoints"] = new JsonObject { ["Http"] = new JsonObject { ["Url"] = $"http://127.0.0.1:{port}" } } },
            ["Management"] = new JsonObject { ["Url"] = $"http://127.0.0.1:{management}" },
            ["Redis"] = new JsonObject { ["ConnectionString"] = $"127.0.0.1:{world.RedisPort}", ["KeyPrefix"] = "auth-service:" },
            ["ConnectionStrings"] = new JsonObject { ["Users"] = $"Data Source={Path.Combine(world.Root, "users.db")}" },
            ["AuthService"] = new JsonObject { ["Issuer"] = Tokens.Issuer, ["KeyEncryptionKeys"] = new JsonArray(keyEncryptionKey) },
        });
        var began = TimeProvider.System.GetTimestamp();
        var process = world.Start($"auth-service-{port}", directory, "dotnet", [AuthService, "--contentRoot", directory]);
        await world.AwaitAsync(new Uri($"http://127.0.0.1:{management}/healthz/ready"), process);
        var ready = TimeProvider.System.GetElapsedTime(began);
        await world.AwaitAsync(new Uri($"http://127.0.0.1:{port}/.well-known/openid-configuration"), process);
        return new Started(process, port, ready, TimeProvider.System.GetElapsedTime(began));
    }

    private static async Task<double> LoadAsync(Started gateway, Contenders contenders)
    {
        var result = await Wrk.RunAsync(gateway.Port, contenders.Requests(Tokens.Es256, Contenders.UsualTokens, Contenders.UsualRoutes), LoadSeconds);
        if (result.Failures > 0) throw new InvalidOperationException($"{result.Failures} of {result.Requests} requests failed.");
        return WorkingSet(gateway.Process);
    }

    private static double Median(List<Started> services, Func<Started, TimeSpan> time) => Comparison.Median(services.Select(started => time(started).TotalSeconds));

    private static async Task StopAsync(Process process)
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    private static double WorkingSet(Process process)
    {
        var line = File.ReadLines($"/proc/{process.Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return double.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
    }
}
