using System.Net;
using Microsoft.Extensions.Configuration;
using ServiceHosting.Management;
using ServiceHosting.Settings;

namespace ServiceHosting;

/// <summary>
/// The command <c>health</c>: asks the running service of the same settings whether it is ready. For container engines, whose
/// images hold no shell and no curl. Exit code 0 when ready, 1 when not, with the answer on standard error.
/// </summary>
internal static class HealthCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    public static bool Handles(string[] args) => args is ["health", ..];

    public static async Task<int> RunAsync(ServiceDescription service, string[] args)
    {
        var environment = new ConfigurationBuilder().AddEnvironmentVariables().AddCommandLine(args[1..]).Build();
        var configuration = new ConfigurationBuilder()
            .SetBasePath(AppContext.BaseDirectory).AddJsonFile("appsettings.json", optional: true)
            .AddSettingsDirectories(environment).AddConfiguration(environment).Build();
        var url = configuration["Management:Url"] ?? service.DefaultManagementUrl;
        if (!ManagementOptions.TryParse(url, out var endPoint))
        {
            await Console.Error.WriteLineAsync("Management:Url: is not set, so nobody can be asked.");
            return 1;
        }

        var address = endPoint!.Address.Equals(IPAddress.Any) ? IPAddress.Loopback
            : endPoint.Address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback
            : endPoint.Address;
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = Patience };
        try
        {
            using var response = await client.GetAsync(new Uri($"http://{new IPEndPoint(address, endPoint.Port)}/healthz/ready"));
            if (response.IsSuccessStatusCode) return 0;
            await Console.Error.WriteLineAsync(await response.Content.ReadAsStringAsync());
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
        {
            await Console.Error.WriteLineAsync($"{service.Name} does not answer at {endPoint}: {exception.Message}");
        }

        return 1;
    }
}
