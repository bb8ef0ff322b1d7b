using System.Net;
using System.Net.Sockets;
using Gateway.Forwarding;

namespace Gateway.RateLimiting;

/// <summary>
/// Where a request comes from: the peer, or, behind proxies of <c>Gateway:TrustedProxies</c>, the last hop of
/// <c>X-Forwarded-For</c> that is none of them. Of IPv6 only the /64 counts, which is what one subscriber has.
/// </summary>
internal static class ClientNetwork
{
    private const int NetworkBytes = 8;

    public static string Of(HttpContext context, TrustedProxies proxies)
    {
        var address = context.Connection.RemoteIpAddress;
        if (proxies.Contain(address))
        {
            var hops = context.Request.Headers.GetCommaSeparatedValues("X-Forwarded-For");
            for (var i = hops.Length - 1; i >= 0 && proxies.Contain(address); i--)
            {
                // Whatever a client wrote there ends the chain: the last proxy is all that is known.
                if (!TryParse(hops[i], out var hop)) break;
                address = hop;
            }
        }

        return Text(address);
    }

    /// <summary>An address, with or without a port; IPv6 then in brackets.</summary>
    private static bool TryParse(string hop, out IPAddress? address)
    {
        var parsed = IPEndPoint.TryParse(hop.Trim(), out var endPoint);
        address = endPoint?.Address;
        return parsed;
    }

    private static string Text(IPAddress? address)
    {
        if (address is null) return "";
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return address.ToString();
        return Convert.ToHexString(address.GetAddressBytes().AsSpan(0, NetworkBytes));
    }
}
