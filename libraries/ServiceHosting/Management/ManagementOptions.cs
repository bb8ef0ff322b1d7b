using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;

namespace ServiceHosting.Management;

/// <summary>The section <c>Management</c>. Read once, at start.</summary>
public sealed class ManagementOptions
{
    /// <summary>
    /// Where the management listener listens, <c>http://ADDRESS:PORT</c>; the address is an IP address, <c>localhost</c>,
    /// or <c>*</c> for all. Port 0 takes a free one. Loopback unless set: who can reach it learns the service's state.
    /// </summary>
    public string? Url { get; set; }

    /// <summary>
    /// Host names, besides the address a request came in on, by which the listener may be called. Any other is answered
    /// with 421, so that a web page cannot reach it through a name of its own.
    /// </summary>
    public IList<string> AllowedHosts { get; } = [];

    /// <summary>
    /// The bearer token that lets a caller from elsewhere than this machine use the endpoints that tell more than health.
    /// Default: none, only this machine may.
    /// </summary>
    public Redacted? Token { get; set; }

    internal IPEndPoint? EndPoint() => TryParse(Url, out var endPoint) ? endPoint : null;

    internal static bool TryParse(string? url, out IPEndPoint? endPoint)
    {
        endPoint = null;
        BindingAddress address;
        try
        {
            address = BindingAddress.Parse(url ?? "");
        }
        catch (FormatException)
        {
            return false;
        }

        if (address.IsUnixPipe || address.PathBase.Length > 0 || !string.Equals(address.Scheme, "http", StringComparison.OrdinalIgnoreCase))
            return false;
        var ip = address.Host switch
        {
            "localhost" => IPAddress.Loopback,
            "*" or "+" => IPAddress.Any,
            _ => IPAddress.TryParse(address.Host, out var parsed) ? parsed : null,
        };
        if (ip is null) return false;
        endPoint = new IPEndPoint(ip, address.Port);
        return true;
    }
}

internal sealed class ManagementCheck(IConfiguration configuration, ServiceDescription service) : IConfigurationCheck
{
    public IEnumerable<string> FindProblems()
    {
        var url = configuration["Management:Url"] ?? service.DefaultManagementUrl;
        if (url is not null && !ManagementOptions.TryParse(url, out _))
            yield return $"Management:Url: \"{url}\" must be http://ADDRESS:PORT with an IP address, localhost or *, for example http://127.0.0.1:8090.";
    }
}
