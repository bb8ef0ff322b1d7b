using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;

namespace AuthService.Sessions;

/// <summary>
/// Whose request it is: the last hop that is not one of <c>AuthService:TrustedProxies</c>. <c>X-Forwarded-For</c> counts
/// only as far as each hop that wrote to it is trusted, from the right: what a client put there itself is never reached.
/// </summary>
internal sealed class ClientAddress(IOptions<AuthServiceOptions> options)
{
    private readonly IPNetwork[] _trusted = [.. options.Value.TrustedProxies.Select(Parse)];

    public string? Of(HttpContext context)
    {
        if (context.Connection.RemoteIpAddress is not { } peer)
            return null;
        peer = Unmapped(peer);
        var hops = context.Request.Headers["X-Forwarded-For"].ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        for (var i = hops.Length - 1; i >= 0 && IsTrusted(peer); i--)
        {
            if (!IPAddress.TryParse(hops[i], out var hop) && !(IPEndPoint.TryParse(hops[i], out var endpoint) && (hop = endpoint.Address) is not null))
                break;
            peer = Unmapped(hop);
        }
        return peer.ToString();
    }

    /// <summary>The caller of a request, for audit events.</summary>
    public SessionActor Actor(HttpContext context, string? actor) => new(actor, Of(context), Activity.Current?.TraceId.ToHexString());

    /// <summary>
    /// What a limit counts as one client: an IPv4 address, or the /64 of an IPv6 address, of which one host has as many as
    /// it likes.
    /// </summary>
    /// <param name="address">What <see cref="Of"/> answered.</param>
    public static string Network(string? address)
    {
        if (!IPAddress.TryParse(address, out var parsed))
            return "unknown";
        if (parsed.AddressFamily != AddressFamily.InterNetworkV6)
            return parsed.ToString();
        var bytes = parsed.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return $"{new IPAddress(bytes)}/64";
    }

    private bool IsTrusted(IPAddress address) => Array.Exists(_trusted, network => network.Contains(address));

    private static IPAddress Unmapped(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static IPNetwork Parse(string text) =>
        IPNetwork.TryParse(text, out var network) ? network : new IPNetwork(IPAddress.Parse(text), IPAddress.Parse(text).GetAddressBytes().Length * 8);
}
