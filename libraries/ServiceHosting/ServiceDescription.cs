using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ServiceHosting;

/// <summary>What <see cref="ServiceHost"/> must know about a service.</summary>
public sealed class ServiceDescription
{
    /// <summary>The service's name in logs, traces, metrics and start-up errors.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// The management address when <c>Management:Url</c> is not set, for example <c>http://127.0.0.1:8090</c>.
    /// Null: the service has no management listener unless one is configured.
    /// </summary>
    public string? DefaultManagementUrl { get; init; }

    /// <summary>
    /// The configuration key of the time the service goes on accepting after SIGTERM, for example
    /// <c>Gateway:ShutdownDelay</c>. Default value of the setting: zero.
    /// </summary>
    public string ShutdownDelayKey { get; init; } = "ShutdownDelay";

    /// <summary>
    /// The name of an endpoint in the completion event. It must not hold anything a client chose; the default is the
    /// route pattern.
    /// </summary>
    public Func<Endpoint, string?> RouteName { get; init; } =
        static endpoint => (endpoint as RouteEndpoint)?.RoutePattern.RawText ?? endpoint.DisplayName;

    /// <summary>
    /// Called for an answer of status 400 or more that has not started when the pipeline has ended: gives it a body, or leaves it
    /// as it is. Here rather than in the pipeline, where another step would wait for each request.
    /// </summary>
    public Func<HttpContext, Task> CompleteRefusal { get; init; } = static _ => Task.CompletedTask;

    /// <summary>Activity sources and meters exported besides those of .NET itself.</summary>
    public IReadOnlyList<string> TelemetrySources { get; init; } = [];
}
