using Gateway.Routing;
using Microsoft.Extensions.Primitives;
using ServiceHosting;

namespace Gateway.ForwardAuth;

/// <summary><c>Gateway:Verify</c>: what <c>/verify</c> answers when the proxy does not say which request it asks about.</summary>
internal sealed class VerifyOptions
{
    public const string Section = "Gateway:Verify";

    /// <summary>
    /// The policy, a name as in a route's <c>AuthorizationPolicy</c>, by which such a request is judged. Default: none, it is
    /// refused with 403.
    /// </summary>
    public string? DefaultPolicy { get; set; }
}

/// <summary>
/// The policy that <see cref="VerifyOptions.DefaultPolicy"/> names, as configured now. A name that a reload made unknown keeps
/// its last meaning.
/// </summary>
internal sealed class VerifyPolicy : IConfigurationCheck, IDisposable
{
    private readonly IConfiguration _configuration;
    private readonly IDisposable _reloads;
    private volatile RoutePolicy? _current;

    public VerifyPolicy(IConfiguration configuration)
    {
        _configuration = configuration;
        Read();
        _reloads = ChangeToken.OnChange(configuration.GetReloadToken, Read);
    }

    public RoutePolicy? Current => _current;

    public IEnumerable<string> FindProblems()
    {
        if (Name is { } name && !new RoutePolicySettings(_configuration).Policies.ContainsKey(name))
            yield return $"{VerifyOptions.Section}:DefaultPolicy: '{name}' is an unknown policy.";
    }

    public void Dispose() => _reloads.Dispose();

    private string? Name => _configuration[$"{VerifyOptions.Section}:{nameof(VerifyOptions.DefaultPolicy)}"] is { Length: > 0 } name ? name : null;

    private void Read()
    {
        if (Name is not { } name) _current = null;
        else if (new RoutePolicySettings(_configuration) is { Problems.Count: 0 } settings && settings.Policies.TryGetValue(name, out var policy))
            _current = new RoutePolicy(policy);
    }
}
