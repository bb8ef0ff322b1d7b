using System.Collections.Frozen;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Extensions.Logging;
using Serilog.Settings.Configuration;

namespace ServiceHosting.Logging;

internal static class ServiceLogging
{
    /// <summary>Properties of the frameworks' events that hold the target of a request.</summary>
    public static readonly FrozenSet<string> RequestTargets = FrozenSet.Create("Path", "QueryString", "targetUrl", "Uri");

    /// <summary>
    /// JSON lines on standard output, through <see cref="LogOutput"/>. Levels come from <c>Serilog:MinimumLevel</c>.
    /// </summary>
    public static void AddServiceLogging(this WebApplicationBuilder builder, ServiceDescription service)
    {
        var output = new LogOutput(service.Name, Console.OpenStandardOutput(), TimeProvider.System);
        var configuration = new LoggerConfiguration()
            .MinimumLevel.Information()
            // Frameworks write several events a request, with addresses: the completion event stands for them.
            .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
            .MinimumLevel.Override("Microsoft.Hosting.Lifetime", LogEventLevel.Information)
            .MinimumLevel.Override("System", LogEventLevel.Warning)
            .MinimumLevel.Override("Yarp", LogEventLevel.Warning)
            .Enrich.WithProperty("Service", service.Name)
            .Filter.ByExcluding(HoldsRequestTarget)
            // The assemblies are named because looking for them costs a tenth of a second at start.
            .ReadFrom.Configuration(builder.Configuration, new ConfigurationReaderOptions(typeof(ServiceLogging).Assembly))
            .WriteTo.Sink(output);
        var logger = configuration.CreateLogger();

        builder.Logging.ClearProviders();
        builder.Services.Configure<LoggerFilterOptions>(filters =>
        {
            // Serilog's levels decide alone.
            filters.MinLevel = LogLevel.Trace;
            // ASP.NET Core puts the path of the request into a scope around all its events; a path may hold what clients keep to
            // themselves. The rest of that scope says less than the trace id, and costs every request.
            filters.CaptureScopes = false;
        });
        builder.Logging.AddSerilog(logger);
        builder.Logging.AddFilter<SerilogLoggerProvider>(CompletionLog.Category, LogLevel.None);
        // By way of the container, which then writes out what is queued at the end.
        builder.Services.AddSingleton(_ => output);
        builder.Services.AddSingleton(provider => ActivatorUtilities.CreateInstance<CompletionLog>(
            provider, logger.ForContext(Constants.SourceContextPropertyName, CompletionLog.Category)));
    }

    /// <summary>
    /// What the frameworks say of single requests, at levels below the default, holds their path and query: that somebody
    /// looks for a fault must not put a client's token, sent in a place where it does not belong, into the logs.
    /// </summary>
    private static bool HoldsRequestTarget(LogEvent logEvent) =>
        RequestTargets.Any(logEvent.Properties.ContainsKey);
}
