using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace SampleBackend.Hosting;

/// <summary>A backend behind a gateway must take whatever the gateway lets through, and its identity headers besides.</summary>
internal static class RequestLimits
{
    public static void Apply(KestrelServerOptions kestrel)
    {
        // The gateway takes 32 KiB of headers and adds at most 8 KiB and its own X-Forwarded-*.
        kestrel.Limits.MaxRequestHeadersTotalSize = 64 * 1024;
        kestrel.Limits.MaxRequestHeaderCount = 200;
        // Large and slow bodies are the gateway's to limit.
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        // Bytes 0x80-0xFF arrive unchanged, one character each.
        kestrel.RequestHeaderEncodingSelector = static _ => Encoding.Latin1;
    }
}
