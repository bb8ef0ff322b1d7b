using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using ServiceHosting.Logging;
using ServiceHosting.Management;
using ServiceHosting.Settings;

namespace ServiceHosting;

/// <summary>
/// What both services need identically: logs, telemetry, one completion event a request, the management listener, an
/// orderly end, and a start that stops with every problem listed.
/// </summary>
public static class ServiceHost
{
    /// <summary>In-flight requests get this long to finish after the service stopped accepting.</summary>
    private static readonly TimeSpan InFlightTime = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Builds the service, runs it until SIGTERM or SIGINT, and returns the exit code: 0 after an orderly end, 1 when it
    /// could not start. With the argument <c>health</c> it asks the running service instead whether it is ready.
    /// </summary>
    public static async Task<int> RunAsync(
        ServiceDescription service, string[] args, Action<WebApplicationBuilder> addServices, Action<WebApplication> usePipeline)
    {
        if (HealthCommand.Handles(args)) return await HealthCommand.RunAsync(service, args);

        WebApplication? app = null;
        try
        {
            app = Build(service, args, addServices, usePipeline);
            await app.StartAsync();
        }
#pragma warning disable CA1031 // The last line of defence: whatever stopped the start becomes a report and exit code 1.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            StartupReport.Write(Console.Error, service.Name, exception);
            if (app is not null) await app.DisposeAsync();
            return 1;
        }

        await using (app)
        {
            var returning = StartMemory.ReturnAsync(app.Services.GetRequiredService<TimeProvider>(), app.Lifetime.ApplicationStopping);
            await app.WaitForShutdownAsync();
            await returning;
        }

        // A background service that gives up sets it.
        return Environment.ExitCode;
    }

    /// <summary>
    /// Builds the service as a start would and starts nothing: 0 when its configuration is good, then
    /// <paramref name="report"/> is called; 1 after every problem was written to standard error.
    /// </summary>
    public static Task<int> CheckAsync(
        ServiceDescription service, string[] args, Action<WebApplicationBuilder> addServices, Action<WebApplication> usePipeline, Action<WebApplication> report) =>
        RunCommandAsync(service, args, addServices, usePipeline, app =>
        {
            report(app);
            return Task.FromResult(0);
        });

    /// <summary>
    /// Builds the service as a start would, starts nothing, and runs <paramref name="command"/> with it, whose result is the
    /// exit code; 1 after every problem was written to standard error.
    /// </summary>
    public static async Task<int> RunCommandAsync(
        ServiceDescription service, string[] args, Action<WebApplicationBuilder> addServices, Action<WebApplication> usePipeline, Func<WebApplication, Task<int>> command)
    {
        try
        {
            await using var app = Build(service, args, addServices, usePipeline);
            return await command(app);
        }
#pragma warning disable CA1031 // As at a start: whatever would stop it is reported.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            StartupReport.Write(Console.Error, service.Name, exception);
            return 1;
        }
    }

    /// <summary>
    /// Builds the service without starting it. <paramref name="addServices"/> registers its capabilities,
    /// <paramref name="usePipeline"/> orders its middleware.
    /// </summary>
    /// <exception cref="ConfigurationException">With every problem of the configuration.</exception>
    public static WebApplication Build(
        ServiceDescription service, string[] args, Action<WebApplicationBuilder> addServices, Action<WebApplication> usePipeline)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = ContentRoot(args) });
        builder.AddSettingsDirectories();
        builder.Services.AddSingleton(service);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.AddServiceLogging(service);
        builder.AddTelemetry(service);
        builder.AddManagementListener(service);
        builder.AddServerLimits();
        builder.Services.AddSingleton<DrainingLifetime>();
        builder.Services.AddSingleton<IHostLifetime>(provider => provider.GetRequiredService<DrainingLifetime>());
        builder.Services.AddSingleton<IReadinessCheck>(provider => provider.GetRequiredService<DrainingLifetime>());
        builder.Services.AddSingleton<IConfigurationCheck>(provider =>
            new ShutdownDelay(provider.GetRequiredService<IConfiguration>(), service.ShutdownDelayKey));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = InFlightTime);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        addServices(builder);

        var app = builder.Build();
        StartupReport.ThrowIfProblems(app.Services);

        // The management port first: nothing of the public pipeline runs for it, and nothing of it for the public one.
        app.UseManagementListener();
        app.UseMiddleware<RequestCompletion>();
        usePipeline(app);
        return app;
    }

    /// <summary>The settings lie beside the assembly, whatever directory the process was started in.</summary>
    private static string? ContentRoot(string[] args)
    {
        var configured = new ConfigurationBuilder()
            .AddEnvironmentVariables("DOTNET_").AddEnvironmentVariables("ASPNETCORE_").AddCommandLine(args)
            .Build()[HostDefaults.ContentRootKey];
        return configured is null ? AppContext.BaseDirectory : null;
    }
}
