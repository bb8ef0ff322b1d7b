using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using ServiceHosting.Logging;

namespace ServiceHosting;

/// <summary>
/// Traces, metrics and logs leave by OTLP when the standard variable OTEL_EXPORTER_OTLP_ENDPOINT is set; the exporter
/// reads its other settings from the standard variables too. Without it nothing is collected.
/// </summary>
internal sealed class Telemetry(ServiceDescription service) : IHostedService, IDisposable
{
    private static readonly string[] PlatformSources =
    [
        "Microsoft.AspNetCore", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http",
        "System.Runtime", "Yarp.ReverseProxy",
    ];

    private TracerProvider? _traces;
    private MeterProvider? _metrics;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        string[] sources = [.. PlatformSources, RequestCompletion.Meter, .. service.TelemetrySources];
        _traces = Sdk.CreateTracerProviderBuilder()
            .ConfigureResource(resource => resource.AddService(service.Name))
            .AddSource(sources).AddOtlpExporter().Build();
        _metrics = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => resource.AddService(service.Name))
            .AddMeter(sources).AddOtlpExporter().Build();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _traces?.Dispose();
        _metrics?.Dispose();
    }
}

/// <summary>Whether telemetry leaves the process.</summary>
public static class TelemetryExport
{
    /// <summary>Whether an exporter is configured; without one nobody listens to spans.</summary>
    /// <param name="configuration">The service's configuration.</param>
    public static bool IsConfigured(IConfiguration configuration) => !string.IsNullOrEmpty(configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]);
}

internal static class TelemetryExtensions
{
    private static readonly string[] Frameworks = ["Microsoft.", "System.", "Yarp."];

    public static void AddTelemetry(this WebApplicationBuilder builder, ServiceDescription service)
    {
        if (!TelemetryExport.IsConfigured(builder.Configuration)) return;
        builder.Services.AddHostedService<Telemetry>();
        // As on the console: of the frameworks only warnings, and nothing that holds the target of a request, where a client
        // may have put what it should keep to itself.
        builder.Logging.AddFilter<OpenTelemetryLoggerProvider>(static (category, level) => level >= LeastLevel(category));
        builder.Logging.AddOpenTelemetry(logs =>
        {
            logs.SetResourceBuilder(ResourceBuilder.CreateDefault().AddService(service.Name));
            logs.AddProcessor(new WithoutRequestTarget());
            logs.AddOtlpExporter();
        });
    }

    private static LogLevel LeastLevel(string? category) =>
        category is null || Array.Exists(Frameworks, framework => category.StartsWith(framework, StringComparison.Ordinal)) ? LogLevel.Warning : LogLevel.Information;

    /// <summary>Empties what a framework says of a single request; it is there on the console, at levels below the default, neither.</summary>
    private sealed class WithoutRequestTarget : BaseProcessor<LogRecord>
    {
        public override void OnEnd(LogRecord data)
        {
            if (data.Attributes?.Any(attribute => ServiceLogging.RequestTargets.Contains(attribute.Key)) != true) return;
            data.Attributes = [];
            data.Body = data.FormattedMessage = "(names the target of a request)";
        }
    }
}
