using System.Collections.Frozen;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting.Json;
using Serilog.Settings.Configuration;

namespace ServiceHosting;

internal static class ServiceLogging
{
    /// <summary>Properties of the frameworks' events that hold the target of a request.</summary>
    public static readonly FrozenSet<string> RequestTargets = FrozenSet.Create("Path", "QueryString", "targetUrl", "Uri");

    /// <summary>
    /// JSON lines on the console through a bounded background queue: a slow console loses events, never requests.
    /// Levels come from <c>Serilog:MinimumLevel</c>.
    /// </summary>
    public static void AddServiceLogging(this WebApplicationBuilder builder, ServiceDescription service)
    {
        var configuration = new LoggerConfiguration()
            .MinimumLevel.Information()
            // Frameworks write several events a request, with addresses: the completion event stands for them.
            .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
            .MinimumLevel.Override("Microsoft.Hosting.Lifetime", LogEventLevel.Information)
            .MinimumLevel.Override("System", LogEventLevel.Warning)
            .MinimumLevel.Override("Yarp", LogEventLevel.Warning)
            .Enrich.WithProperty("Service", service.Name)
            .Enrich.With<WithoutRequestPath>()
            .Filter.ByExcluding(HoldsRequestTarget)
            // The assemblies are named because looking for them costs a tenth of a second at start.
            .ReadFrom.Configuration(builder.Configuration, new ConfigurationReaderOptions(typeof(ServiceLogging).Assembly))
            .WriteTo.Async(sink => sink.Console(new JsonFormatter(renderMessage: true)));

        builder.Logging.ClearProviders();
        // Serilog's levels decide alone.
        builder.Logging.SetMinimumLevel(LogLevel.Trace);
        builder.Logging.AddSerilog(configuration.CreateLogger(), dispose: true);
    }

    /// <summary>
    /// What the frameworks say of single requests, at levels below the default, holds their path and query: that somebody
    /// looks for a fault must not put a client's token, sent in a place where it does not belong, into the logs.
    /// </summary>
    private static bool HoldsRequestTarget(LogEvent logEvent) =>
        RequestTargets.Any(logEvent.Properties.ContainsKey);

    /// <summary>ASP.NET Core puts the path into the scope of every event of a request; a path may hold what clients keep to themselves.</summary>
    private sealed class WithoutRequestPath : ILogEventEnricher
    {
        public void Enrich(LogEvent logEvent, ILogEventPropertyFactory propertyFactory) =>
            logEvent.RemovePropertyIfPresent("RequestPath");
    }
}
