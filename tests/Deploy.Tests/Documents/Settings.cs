using System.Reflection;
using System.Text.RegularExpressions;
using AuthService.Users;
using ForwardedIdentity;
using Gateway.Authentication;
using Gateway.Forwarding;
using Gateway.RateLimiting;
using Gateway.Routing;
using RevocationProtocol;
using ServiceHosting.Management;

namespace Deploy.Tests.Documents;

/// <summary>One setting as the code's documentation tells it. N stands for a number, NAME for a name that one chooses.</summary>
internal sealed record Setting(string Key, string Value, string? Says);

/// <summary>A section of settings.</summary>
internal sealed record SettingSection(string Name, string Readers, string? Says, IReadOnlyList<Setting> Settings);

/// <summary>
/// Every setting of the programs. Options with a constant <c>Section</c> are found by themselves; the few others are named here.
/// </summary>
internal static class Settings
{
    private const BindingFlags Public = BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    private static readonly Assembly[] Assemblies = [typeof(Gateway.Program).Assembly, typeof(AuthService.Program).Assembly, typeof(RedisOptions).Assembly, typeof(ManagementOptions).Assembly];

    public static IReadOnlyList<SettingSection> All { get; } =
    [
        .. Found().Concat(
        [
            OfType(typeof(IssuerOptions), "Gateway:Issuers:N", "gateway"),
            OfDefinition(typeof(PolicyDefinition), "Gateway:Policies:NAME"),
            OfDefinition(typeof(CorsDefinition), "Gateway:Cors:NAME", ("MaxAgeSeconds", "MaxAge", "hh:mm:ss")),
            OfDefinition(typeof(RateLimitDefinition), "Gateway:RateLimits:NAME"),
            new("Gateway:TrustedProxies", "gateway", null, [new("Gateway:TrustedProxies:N", "text", XmlDocs.Summary(typeof(TrustedProxies)))]),
            OfType(typeof(ManagementOptions), "Management", "all"),
            OfType(typeof(ForwardedIdentityOptions), ForwardedIdentityDefaults.ConfigurationSection, "backends"),
            new(UsersDatabaseOptions.Setting.Split(':')[0], "auth-service", null, [new(UsersDatabaseOptions.Setting, "text", XmlDocs.Summary(typeof(UsersDatabaseOptions)))]),
            new("Shutdown", "all", "How long a service goes on accepting after SIGTERM, while load balancers look away. Default 0; at most 5 minutes.",
                [.. Service.All.Select(service => new Setting(service.Description.ShutdownDelayKey, "hh:mm:ss", service.Name))]),
            new("Directories", "all", "Variables of the environment.",
                [.. typeof(ServiceHosting.Settings.SettingsDirectories).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => new Setting((string)field.GetRawConstantValue()!, "path", XmlDocs.Summary(field)))]),
        ]).OrderBy(section => section.Name, StringComparer.Ordinal),
    ];

    /// <summary>Settings in a route's <c>Metadata</c>.</summary>
    public static IReadOnlyList<Setting> OfRoutes { get; } = OfMetadata(typeof(RouteMetadata), nameof(RouteMetadata.Prefix));

    /// <summary>Settings in a cluster's <c>Metadata</c>.</summary>
    public static IReadOnlyList<Setting> OfClusters { get; } = OfMetadata(typeof(ClusterMetadata), nameof(ClusterMetadata.Prefix));

    /// <summary>What .NET, YARP and OpenTelemetry read.</summary>
    private static readonly string[] Platform = ["Kestrel:", "ReverseProxy:", "Serilog:", "AllowedHosts", "OTEL_", "ASPNETCORE_", "DOTNET_", "SSL_CERT_FILE", "POD_NAME"];

    /// <summary>Whether something reads a setting of that name.</summary>
    public static bool Knows(string key) =>
        Platform.Any(prefix => key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
        || All.SelectMany(section => section.Settings).Any(setting => Regex.IsMatch(
            key, "^" + Regex.Escape(setting.Key).Replace(":N", @":\d+", StringComparison.Ordinal).Replace(@":\d+AME", ":[^:]+", StringComparison.Ordinal) + (setting.Value.StartsWith("list", StringComparison.Ordinal) ? @"(:[^:]+)?" : setting.Value.StartsWith("lists", StringComparison.Ordinal) ? "(:[^:]+){1,2}" : "") + "$",
            RegexOptions.IgnoreCase, TimeSpan.FromSeconds(1)));

    private static List<Setting> OfMetadata(Type type, string prefix) =>
    [
        .. type.GetFields(BindingFlags.Public | BindingFlags.Static).Where(field => field.IsLiteral && field.Name != prefix)
            .Select(field => new Setting((string)field.GetRawConstantValue()!, "text", XmlDocs.Summary(field))).OrderBy(setting => setting.Key, StringComparer.Ordinal),
    ];

    private static IEnumerable<SettingSection> Found() =>
        from assembly in Assemblies
        from type in assembly.GetTypes()
        let section = type.GetField("Section", BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static)
        where section is { IsLiteral: true } && type.Name.EndsWith("Options", StringComparison.Ordinal)
        select OfType(type, (string)section.GetRawConstantValue()!, assembly.GetName().Name switch { "Gateway" => "gateway", "AuthService" => "auth-service", _ => "gateway, auth-service" });

    private static SettingSection OfType(Type type, string section, string readers) => new(section, readers, XmlDocs.Summary(type), [.. OfProperties(type, section)]);

    private static IEnumerable<Setting> OfProperties(Type type, string section)
    {
        foreach (var property in type.GetProperties(Public).Where(property => property.SetMethod?.IsPublic == true || IsList(property.PropertyType)))
        {
            if (property.PropertyType.Namespace == type.Namespace && property.PropertyType.IsClass)
            {
                foreach (var inner in OfProperties(property.PropertyType, $"{section}:{property.Name}")) yield return inner;
            }
            else
            {
                yield return new Setting($"{section}:{property.Name}", Value(property.PropertyType), XmlDocs.Summary(property));
            }
        }
    }

    private static SettingSection OfDefinition(Type type, string section, params (string Parameter, string Member, string Value)[] renamed)
    {
        var settings = type.GetConstructors().OrderByDescending(constructor => constructor.GetParameters().Length).First().GetParameters().Where(parameter => parameter.Name != "Name").Select(parameter =>
        {
            var other = renamed.FirstOrDefault(rename => rename.Parameter == parameter.Name);
            return new Setting($"{section}:{other.Member ?? parameter.Name}", other.Value ?? Value(parameter.ParameterType), XmlDocs.Parameter(type, parameter.Name!));
        });
        return new SettingSection(section, "gateway", XmlDocs.Summary(type), [.. settings]);
    }

    private static bool IsList(Type type) => type != typeof(string) && type.IsAssignableTo(typeof(System.Collections.IEnumerable));

    private static string Value(Type declared)
    {
        var type = Nullable.GetUnderlyingType(declared) ?? declared;
        return type switch
        {
            _ when type == typeof(TimeSpan) => "hh:mm:ss",
            _ when type == typeof(bool) => "true, false",
            _ when type == typeof(Uri) => "address",
            _ when type.IsEnum => string.Join(", ", Enum.GetNames(type)),
            _ when type.IsPrimitive => "number",
            _ when type.Name.Contains("Dictionary", StringComparison.Ordinal) => "lists by name",
            _ when IsList(type) => "list",
            _ => "text",
        };
    }
}
