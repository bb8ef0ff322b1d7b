using System.Net;
using ServiceHosting;

namespace Gateway.Forwarding;

/// <summary>
/// <c>Gateway:TrustedProxies</c>: addresses (<c>10.0.0.7</c>) and networks (<c>10.0.0.0/8</c>) of the proxies in front, whose
/// <c>X-Forwarded-*</c> and like headers are believed. Default none. Every client that can reach the gateway from one of them
/// can then choose its own client address.
/// </summary>
internal sealed class TrustedProxies : IConfigurationCheck
{
    public const string Section = "Gateway:TrustedProxies";

    private readonly List<IPNetwork> _networks = [];
    private readonly List<string> _problems = [];

    public TrustedProxies(IConfiguration configuration)
    {
        foreach (var entry in configuration.GetSection(Section).GetChildren())
        {
            if (IPAddress.TryParse(entry.Value, out var address)) _networks.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
            else if (IPNetwork.TryParse(entry.Value ?? "", out var network)) _networks.Add(network);
            else _problems.Add($"{entry.Path}: '{entry.Value}' is neither an address nor a network like 10.0.0.0/8.");
        }
    }

    public IEnumerable<string> FindProblems() => _problems;

    public bool Contain(IPAddress? peer)
    {
        if (_networks.Count == 0 || peer is null) return false;
        if (peer.IsIPv4MappedToIPv6) peer = peer.MapToIPv4();
        foreach (var network in _networks)
        {
            if (network.Contains(peer)) return true;
        }

        return false;
    }
}
