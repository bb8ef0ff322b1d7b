using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Testing;

/// <summary>A span as a service exported it (opentelemetry-proto, trace.proto).</summary>
public sealed record ExportedSpan(string Service, string Trace, string Id, string Parent, string Name, SpanKind Kind, IReadOnlyDictionary<string, string> Tags);

/// <summary>The numbers of the protocol.</summary>
public enum SpanKind
{
    Unspecified = 0,
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

/// <summary>A collector that keeps what it is sent by OTLP over HTTP, raw and read as far as tests ask.</summary>
public sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly ConcurrentQueue<(string Path, byte[] Body)> _received = new();
    private readonly WebApplication _app;

    private OtlpReceiver()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _app = builder.Build();
        _app.Run(ReceiveAsync);
    }

    /// <summary>What makes a service export to it, soon and often.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _app.Urls.Single(),
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
        ["OTEL_BLRP_SCHEDULE_DELAY"] = "200",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "500",
    };

    /// <summary>Every body that came, as it came.</summary>
    public IEnumerable<byte[]> Bodies => _received.Select(received => received.Body);

    public IEnumerable<ExportedSpan> Spans =>
        from exported in Read("/v1/traces")
        from span in exported.Item.Messages(2).SelectMany(scope => scope.Messages(2))
        select new ExportedSpan(exported.Service, span.Hex(1), span.Hex(2), span.Hex(4), span.Text(5), (SpanKind)span.Number(6), Tags(span.Messages(9)));

    /// <summary>Service and name of every metric.</summary>
    public IEnumerable<(string Service, string Name)> Metrics =>
        from exported in Read("/v1/metrics")
        from metric in exported.Item.Messages(2).SelectMany(scope => scope.Messages(2))
        select (exported.Service, metric.Text(1));

    /// <summary>Service, category and trace id of every log record.</summary>
    public IEnumerable<(string Service, string Category, string Trace)> Logs =>
        from exported in Read("/v1/logs")
        from scope in exported.Item.Messages(2)
        from record in scope.Messages(2)
        select (exported.Service, scope.Messages(1).Select(instrumentation => instrumentation.Text(1)).SingleOrDefault() ?? "", record.Hex(9));

    public static async Task<OtlpReceiver> StartAsync(CancellationToken cancellationToken)
    {
        var receiver = new OtlpReceiver();
        await receiver._app.StartAsync(cancellationToken);
        return receiver;
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    /// <summary>The resources of one kind of export, each with its <c>service.name</c>.</summary>
    private IEnumerable<(string Service, ProtobufMessage Item)> Read(string path) =>
        from received in _received
        where received.Path == path
        from item in new ProtobufMessage(received.Body).Messages(1)
        select (item.Messages(1).SelectMany(resource => Tags(resource.Messages(1))).Single(tag => tag.Key == "service.name").Value, item);

    /// <summary>Attributes whose values are texts or numbers, as texts.</summary>
    private static Dictionary<string, string> Tags(IEnumerable<ProtobufMessage> attributes) =>
        attributes.ToDictionary(attribute => attribute.Text(1), attribute => attribute.Messages(2).Single() is var value && value.Text(1) is { Length: > 0 } text ? text : $"{value.Number(3)}");

    private async Task ReceiveAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        _received.Enqueue((context.Request.Path, body.ToArray()));
        context.Response.ContentType = "application/x-protobuf";
    }
}
