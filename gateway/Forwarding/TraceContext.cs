using System.Diagnostics;
using System.Net.Http.Headers;
using ServiceHosting;

namespace Gateway.Forwarding;

/// <summary>
/// Continues the client's trace (W3C Trace Context) towards the backend. Where spans are exported, HttpClient makes one of
/// its own for each request and names that one; elsewhere its span would be made for nobody, and the request's own is named.
/// </summary>
internal sealed class TraceContext(IConfiguration configuration)
{
    public const string Header = "traceparent";

    /// <summary>Whether the client to backends names its own span.</summary>
    public bool IsLeftToClient { get; } = TelemetryExport.IsConfigured(configuration);

    /// <summary>Names the span of the current request, in place of what the client sent.</summary>
    public void Set(HttpRequestHeaders headers)
    {
        if (IsLeftToClient || Activity.Current is not { IdFormat: ActivityIdFormat.W3C, Id: { } span }) return;
        headers.Remove(Header);
        headers.TryAddWithoutValidation(Header, span);
    }
}
