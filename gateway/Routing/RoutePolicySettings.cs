using Gateway.RateLimiting;

namespace Gateway.Routing;

/// <summary><c>Gateway:Policies</c>, <c>Gateway:Cors</c> and <c>Gateway:RateLimits</c> as they are configured now, with what is wrong in them.</summary>
internal sealed class RoutePolicySettings
{
    public const string PoliciesSection = "Gateway:Policies";
    public const string CorsSection = "Gateway:Cors";

    private static readonly string[] PolicyMembers = ["Scopes", "Roles", "Claims", "Clients"];
    private static readonly string[] CorsMembers = ["Origins", "Methods", "Headers", "ExposedHeaders", "Credentials", "MaxAge"];

    private readonly List<string> _problems = [];

    public RoutePolicySettings(IConfiguration configuration)
    {
        foreach (var section in configuration.GetSection(PoliciesSection).GetChildren()) Policies[section.Key] = ReadPolicy(section);
        foreach (var section in configuration.GetSection(CorsSection).GetChildren()) Cors[section.Key] = ReadCors(section);
        RateLimits = RateLimitDefinition.ReadAll(configuration, _problems);
    }

    public Dictionary<string, PolicyDefinition> Policies { get; } = new(StringComparer.OrdinalIgnoreCase)
    {
        [PolicyDefinition.DefaultName] = PolicyDefinition.Named(PolicyDefinition.DefaultName),
        [PolicyDefinition.AnonymousName] = PolicyDefinition.Named(PolicyDefinition.AnonymousName),
    };

    public Dictionary<string, CorsDefinition> Cors { get; } = new(StringComparer.OrdinalIgnoreCase);

    public Dictionary<string, RateLimitDefinition> RateLimits { get; }

    public IReadOnlyList<string> Problems => _problems;

    private PolicyDefinition ReadPolicy(IConfigurationSection section)
    {
        if (Policies.ContainsKey(section.Key)) _problems.Add($"{section.Path}: the name '{section.Key}' is the gateway's own.");
        RefuseUnknown(section, PolicyMembers);
        var claims = section.GetSection("Claims").GetChildren().ToDictionary(claim => claim.Key, ReadList);
        foreach (var claim in claims.Where(claim => claim.Value.Length == 0))
            _problems.Add($"{section.Path}:Claims:{claim.Key}: needs at least one accepted value.");

        var policy = new PolicyDefinition(section.Key, List(section, "Scopes"), List(section, "Roles"), List(section, "Clients"), claims);
        if (policy.Scopes.Length + policy.Roles.Length + policy.Clients.Length + policy.Claims.Count == 0)
            _problems.Add($"{section.Path}: asks for nothing; a route for any signed-in caller names '{PolicyDefinition.DefaultName}'.");
        return policy;
    }

    private CorsDefinition ReadCors(IConfigurationSection section)
    {
        RefuseUnknown(section, CorsMembers);
        var origins = List(section, "Origins");
        var credentials = Parse(section, "Credentials", false, bool.TryParse, "true or false");
        var maxAge = Parse<TimeSpan>(section, "MaxAge", TimeSpan.Zero, TimeSpan.TryParse, "a time like 00:10:00");
        if (origins.Length == 0) _problems.Add($"{section.Path}:Origins: names no origin.");
        foreach (var origin in origins.Where(origin => !IsOrigin(origin)))
            _problems.Add($"{section.Path}:Origins: '{origin}' is not an origin like https://app.example.com, http://127.0.0.1:* or *.");
        if (credentials && origins.Contains("*")) _problems.Add($"{section.Path}:Origins: '*' and Credentials exclude each other.");
        return new CorsDefinition(
            section.Key, origins, List(section, "Methods"), List(section, "Headers"), List(section, "ExposedHeaders"), credentials, (int)maxAge.TotalSeconds);
    }

    private static bool IsOrigin(string text)
    {
        if (text == "*") return true;
        var site = text.EndsWith(":*", StringComparison.Ordinal) ? text[..^2] : text;
        return Uri.TryCreate(site, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            && uri.GetLeftPart(UriPartial.Authority).Equals(site, StringComparison.OrdinalIgnoreCase) && uri.UserInfo.Length == 0;
    }

    private void RefuseUnknown(IConfigurationSection section, string[] members)
    {
        foreach (var child in section.GetChildren().Where(child => !members.Contains(child.Key, StringComparer.OrdinalIgnoreCase)))
            _problems.Add($"{child.Path}: is not a setting; known are {string.Join(", ", members)}.");
    }

    private delegate bool TryParse<T>(string text, out T value);

    private T Parse<T>(IConfigurationSection section, string key, T missing, TryParse<T> tryParse, string form)
    {
        if (section[key] is not { } text) return missing;
        if (tryParse(text, out var value)) return value;
        _problems.Add($"{section.Path}:{key}: '{text}' is not {form}.");
        return missing;
    }

    private static string[] List(IConfigurationSection section, string key) => ReadList(section.GetSection(key));

    /// <summary>A list, or a single value in its place.</summary>
    private static string[] ReadList(IConfigurationSection section) =>
        string.IsNullOrEmpty(section.Value)
            ? [.. section.GetChildren().Select(child => child.Value).OfType<string>()]
            : [section.Value];
}
