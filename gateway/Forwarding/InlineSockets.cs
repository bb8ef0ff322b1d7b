namespace Gateway.Forwarding;

/// <summary>
/// A request is worked on by the thread that found its bytes, not handed to another one on every step: a quarter less
/// processor time a request and half the latency (deploy/docs/decisions/0009-cost-of-a-request.md). The price is a rule:
/// nothing on a request's way may block its thread, for all the sockets of that thread would wait with it.
/// </summary>
internal static class InlineSockets
{
    /// <summary>The runtime's own switch; 0 in the environment turns it off.</summary>
    private const string Variable = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>For all sockets of the process; before the first one is made.</summary>
    public static void Enable()
    {
        if (Environment.GetEnvironmentVariable(Variable) is null) Environment.SetEnvironmentVariable(Variable, "1");
    }

    /// <summary>For the server's pipes between socket and request.</summary>
    public static void UseInlineSockets(this IWebHostBuilder host) =>
        host.UseSockets(sockets =>
        {
            sockets.UnsafePreferInlineScheduling = Environment.GetEnvironmentVariable(Variable) == "1";
            // A connection that waits keeps its buffer, 4 KiB, and each request is one call to the kernel less.
            sockets.WaitForDataBeforeAllocatingBuffer = false;
        });
}
