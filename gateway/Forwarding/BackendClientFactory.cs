using System.Net;
using System.Text;
using Yarp.ReverseProxy.Forwarder;

namespace Gateway.Forwarding;

/// <summary>Clients that neither interpret nor change what passes through them.</summary>
internal sealed class BackendClientFactory(TraceContext trace, ILogger<BackendClientFactory> logger) : ForwarderHttpClientFactory
{
    protected override bool CanReuseOldClient(ForwarderHttpClientContext context) =>
        base.CanReuseOldClient(context) && BackendTls.Read(context.OldMetadata) == BackendTls.Read(context.NewMetadata);

    protected override void ConfigureHandler(ForwarderHttpClientContext context, SocketsHttpHandler handler)
    {
        base.ConfigureHandler(context, handler);
        // RFC 9110 section 5.5: bytes 0x80-0xFF are opaque. Latin-1 is the encoding that gives each byte back.
        handler.RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1;
        handler.ResponseHeaderEncodingSelector = (_, _) => Encoding.Latin1;
        // Without a propagator the client makes no span.
        if (!trace.IsLeftToClient) handler.ActivityHeadersPropagator = null;
        handler.UseCookies = false;
        handler.AllowAutoRedirect = false;
        handler.UseProxy = false;
        handler.AutomaticDecompression = DecompressionMethods.None;
        BackendTls.Read(context.NewMetadata).Apply(handler.SslOptions, logger);
    }
}
